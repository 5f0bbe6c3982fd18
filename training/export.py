"""The trained detector as one ONNX file: the quantised encoder, and heads on what it gives."""

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
from onnx import compose
from torch import Tensor, nn

from training.graphs import anonymise, halve, to_graph
from training.heads import Head, HeadOptions
from training.quantised import INPUT, OUTPUT, QuantisedEncoder
from veravox.audio.canonical import Samples

PREFIX = "head_"
TOLERANCE = 1e-3


class Heads(nn.Module):
    """Pooled features (batch, layers, statistics, width) -> the mean of several heads' logits."""

    def __init__(
        self,
        heads: Sequence[Head],
        options: HeadOptions,
        family_head: nn.Module | None = None,
    ) -> None:
        """Takes copies. `family_head` makes a second output: a logit for each family."""
        super().__init__()
        self.heads = nn.ModuleList(deepcopy(list(heads)))
        self.family_head = deepcopy(family_head)
        self.layers = list(options.layers)
        self.statistics = list(options.statistics)

    def forward(self, features: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Logit (batch,), and family (batch, families) if there is such a head."""
        seen = features[:, self.layers][:, :, self.statistics]
        logit = torch.stack([head(seen) for head in self.heads]).mean(dim=0)
        return logit if self.family_head is None else (logit, self.family_head(seen))


def export(
    encoder: QuantisedEncoder, heads: Heads, windows: Sequence[Samples], path: Path
) -> float:
    """Write encoder and heads to `path`; returns the largest difference of logits on `windows`.

    Weights of `heads` are rounded to float16. Raises ValueError when the file and what torch makes
    of the encoder's features differ by more than 0.001, or a logit depends on its batch.
    """
    names = ["logit"] if heads.family_head is None else ["logit", "family"]
    features = torch.from_numpy(np.stack([encoder.features(window) for window in windows]))
    top = to_graph(heads, features[:2], OUTPUT, names)
    halve(top)
    model = compose.merge_models(
        onnx.load(encoder.path), top, io_map=[(OUTPUT, OUTPUT)], prefix2=PREFIX
    )
    rename_outputs(model, dict(zip([PREFIX + name for name in names], names, strict=True)))
    anonymise(model)
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)
    with torch.inference_mode():
        outputs = heads(features)
    return _parity((outputs if heads.family_head is None else outputs[0]).numpy(), windows, path)


def rename_outputs(model: onnx.ModelProto, names: dict[str, str]) -> None:
    """Gives outputs of the graph other names, wherever they occur."""
    for node in model.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    for output in model.graph.output:
        output.name = names.get(output.name, output.name)


class Logits:
    """Raw logits of windows by an exported model, each window on its own as in serving."""

    def __init__(self, path: Path) -> None:
        """`path` of the ONNX file."""
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def __call__(self, windows: Sequence[np.ndarray]) -> np.ndarray:
        """Logits, shape (n,), of windows in the model's view."""
        return np.concatenate([self.batch(window[None]) for window in windows])

    def batch(self, windows: np.ndarray) -> np.ndarray:
        """Logits of a batch at once."""
        return self._session.run(["logit"], {INPUT: windows})[0]


def _parity(expected: np.ndarray, windows: Sequence[Samples], path: Path) -> float:
    logits = Logits(path)
    alone, together = logits(windows), logits.batch(np.stack(windows))
    worst = float(max(np.abs(together - expected).max(), np.abs(alone - expected).max()))
    if worst > TOLERANCE:
        raise ValueError(f"{path.name} differs from what it was made of by {worst:.2g}")
    return worst
