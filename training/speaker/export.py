"""The trained encoder as one ONNX file, and the cohort that scores are normalised with."""

import tempfile
import warnings
from collections import defaultdict
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic

from training.export import OPSET, anonymise
from training.speaker.frontend import HOP, MELS, Floats
from training.speaker.material import person
from training.speaker.network import Encoder, WaveformEncoder
from training.speaker.prepare import Views
from veravox.audio.canonical import Samples, level
from veravox.speaker.speech import PART_SAMPLES, parts_of

LEAST_COSINE = 0.98
CLIPS_PER_PERSON = 4
MOST_PARTS = 1_024


def person_means(encoder: Encoder, views: Views) -> Floats:
    """The mean embedding of each named person, (persons, 256), in order of their names.

    Of up to four genuine recordings of each as they are.
    """
    found: dict[str, list[np.ndarray]] = defaultdict(list)
    for clip in views.clips:
        members = found[person(clip.speaker)]
        if clip.speaker and not clip.spoof and len(members) < CLIPS_PER_PERSON:
            members.append(views.mels[0].row(clip.sha))
    return np.stack([_mean(encoder, found[name]) for name in sorted(found) if found[name]])


def export(encoder: Encoder, centre: Floats, speech: Sequence[Samples], path: Path) -> float:
    """Write the encoder with its front end to `path`, the upper layers' weights as int8.

    Seven bits of them are used, so that processors without 8-bit dot products compute the same.
    Returns the smallest cosine between the embeddings of torch and of ONNX Runtime on `speech`;
    raises ValueError when it is below 0.98.
    """
    model = WaveformEncoder(deepcopy(encoder), torch.from_numpy(centre)).eval()
    model.requires_grad_(False)
    program = _exported(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        exported, folded = Path(folder) / "exported.onnx", Path(folder) / "folded.onnx"
        onnx.save(program.model_proto, exported)
        _fold(exported, folded)
        quantize_dynamic(
            folded,
            path,
            op_types_to_quantize=["LSTM"],
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=_first_layer(folded),
        )
    proto = onnx.load(path)
    anonymise(proto)
    onnx.save(proto, path)
    return _parity(model, speech, path)


def _exported(model: WaveformEncoder) -> torch.onnx.ONNXProgram:
    """The graph of `model` for batches of parts."""
    with warnings.catch_warnings():
        # The exporter takes the list in which an LSTM keeps its own weights for new tensors.
        warnings.filterwarnings("ignore", r"The tensor attributes? .*\._flat_weights", UserWarning)
        return torch.onnx.export(
            model,
            (torch.zeros(2, PART_SAMPLES).normal_(),),
            dynamo=True,
            opset_version=OPSET,
            input_names=["waveform"],
            output_names=["embedding"],
            dynamic_shapes={"waveform": {0: torch.export.Dim("batch", min=1, max=MOST_PARTS)}},
        )


def _first_layer(path: Path) -> list[str]:
    """The name of the layer that reads mel powers, whose range is too wide for eight bits."""
    return [next(n.name for n in onnx.load(path).graph.node if n.op_type == "LSTM")]


def _fold(source: Path, target: Path) -> None:
    """Compute what does not depend on the input, without which no layer can be quantised."""
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(target)
    ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])


@torch.inference_mode()
def _mean(encoder: Encoder, views: Sequence[np.ndarray]) -> Floats:
    parts = np.stack(views).astype(np.float32).reshape(-1, PART_SAMPLES // HOP, MELS)
    return encoder(torch.from_numpy(parts)).mean(dim=0).numpy()


@torch.inference_mode()
def _parity(model: WaveformEncoder, speech: Sequence[Samples], path: Path) -> float:
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    least = 1.0
    for samples in speech:
        waveform = np.stack([level(part) for part in parts_of(samples)])
        expected = model(torch.from_numpy(waveform)).numpy()
        (found,) = session.run(None, {"waveform": waveform})
        least = min(least, float((found * expected).sum(axis=1).min()))
    if least < LEAST_COSINE:
        raise ValueError(f"{path.name} differs from its torch model: cosine {least:.3f}")
    return least
