"""The trained detector as one ONNX file: waveform in, logit out, in 8-bit integers and float16."""

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from training.heads import Head, HeadOptions
from training.quantised import activation_ranges, add_to_output, quantise
from training.tune import TunedNetwork, ensemble
from training.whisper import Encoder, pooled

OPSET = 18
SMALLEST_HALF = 1024
TOLERANCE = 1e-3
INTEGER_TOLERANCE = 0.5


class Detector(nn.Module):
    """Encoder, pooling and the mean of several heads' logits; a second view if there is one."""

    def __init__(
        self,
        encoder: Encoder,
        heads: Sequence[Head],
        options: HeadOptions,
        kind_head: nn.Module | None = None,
        tuned: TunedNetwork | None = None,
    ) -> None:
        """Takes copies; layers above the highest pooled one are dropped.

        `kind_head` makes a second output of the same pooled features: a logit for each kind.
        `tuned` is a second view of the same log-mel, of equal weight.
        """
        super().__init__()
        self.encoder = deepcopy(encoder)
        self.encoder.layers = self.encoder.layers[: max(options.layers)]
        self.heads = nn.ModuleList(deepcopy(list(heads)))
        self.kind_head = deepcopy(kind_head)
        self.tuned = deepcopy(tuned)
        self.layers = list(options.layers)
        self.statistics = list(options.statistics)

    def forward(self, waveform: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Waveform (batch, 80000) -> logit (batch,), and `family` (batch, kinds) if there are."""
        logmel = self.encoder.logmel(waveform)
        outputs = self.encoder.frames(logmel)
        features = pooled([outputs[index] for index in self.layers])[:, :, self.statistics]
        logit = torch.stack([head(features) for head in self.heads]).mean(dim=0)
        if self.tuned is not None:
            logit = ensemble(logit, self.tuned.judge(logmel))
        return logit if self.kind_head is None else (logit, self.kind_head(features))


def export(detector: Detector, windows: np.ndarray, path: Path) -> float:
    """Write `detector` to `path`; returns how far 8 bits move logits on `windows`, at most.

    `windows` also say how far activations reach. Weights are rounded to float16 first, in
    `detector` too, so that both compute the same. Raises ValueError when torch and ONNX Runtime
    differ by more than 0.001 before large layers become integers, when that moves a logit by more
    than 0.5, or when a logit depends on its batch. How far 8 bits move logits on average (rounding
    makes frames differ a little more) is taken back.
    """
    detector = detector.eval()
    for parameter in detector.parameters():
        parameter.data = parameter.data.half().float()
    program = torch.onnx.export(
        detector,
        (torch.from_numpy(windows[:2]),),
        dynamo=True,
        opset_version=OPSET,
        input_names=["waveform"],
        output_names=["logit"] if detector.kind_head is None else ["logit", "family"],
        dynamic_shapes={"waveform": {0: torch.export.Dim("batch", min=1, max=64)}},
    )
    model = program.model_proto
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)
    with torch.inference_mode():
        outputs = detector(torch.from_numpy(windows))
    expected = (outputs if detector.kind_head is None else outputs[0]).numpy()
    _agree(path, windows, expected, TOLERANCE)
    _use_integers(model, windows, expected, path)
    return _agree(path, windows, expected, INTEGER_TOLERANCE)


def _use_integers(
    model: onnx.ModelProto, windows: np.ndarray, expected: np.ndarray, path: Path
) -> None:
    quantise(model, activation_ranges(model, windows))
    halve(model)
    anonymise(model)
    onnx.save(model, path)
    shift = float((Logits(path)(list(windows)) - expected).mean())
    add_to_output(model, "logit", -shift)
    onnx.checker.check_model(model)
    onnx.save(model, path)


class Logits:
    """Raw logits of windows by an exported model, each window on its own as in serving."""

    def __init__(self, path: Path) -> None:
        """`path` of the ONNX file."""
        self._session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])

    def __call__(self, windows: Sequence[np.ndarray]) -> np.ndarray:
        """Logits, shape (n,), of windows in the model's view."""
        return np.concatenate([self.batch(window[None]) for window in windows])

    def batch(self, windows: np.ndarray) -> np.ndarray:
        """Logits of a batch at once."""
        return self._session.run(["logit"], {"waveform": windows})[0]


def _agree(path: Path, windows: np.ndarray, expected: np.ndarray, tolerance: float) -> float:
    logits = Logits(path)
    alone, together = logits(list(windows)), logits.batch(windows)
    if np.abs(alone - together).max() > TOLERANCE:
        raise ValueError(f"a logit of {path.name} depends on its batch")
    worst = float(np.abs(alone - expected).max())
    if worst > tolerance:
        raise ValueError(f"{path.name} differs from its torch model by {worst:.2g}")
    return worst


def halve(model: onnx.ModelProto) -> None:
    """Keep large float32 constants as float16 with a Cast, which is folded when loading."""
    graph = model.graph
    casts = []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < SMALLEST_HALF:
            continue
        values = numpy_helper.to_array(tensor)
        halved = values.astype(np.float16)
        if not np.array_equal(halved.astype(np.float32), values):
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(halved, f"{name}_half"))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    for index, cast in enumerate(casts):
        graph.node.insert(index, cast)


def anonymise(model: onnx.ModelProto) -> None:
    """Drop what only describes the machine and the source code that exported the graph."""
    model.doc_string = ""
    del model.metadata_props[:]
    for node in model.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output):
        del value.metadata_props[:]
