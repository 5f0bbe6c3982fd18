"""A real, tiny detector for tests: ONNX weights and their card, made on the spot.

Its logit is the L2 norm of the differences between neighbouring samples of the levelled window:
about 0 for a low hum, 20 for white noise, so that "noisy" stands in for spoof.
"""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from veravox.audio.windows import WINDOW_SAMPLES
from veravox.detection.card import (
    Calibration,
    FileFusion,
    IndecisionBand,
    MetricTable,
    ModelCard,
    PartialRule,
    QualityLimits,
    TrainingData,
    write_card,
)

MODEL_ID = "noisiness-1"
_FAMILY_NODES = (
    helper.make_node("Unsqueeze", ["logit", "axis"], ["column"]),
    helper.make_node("Mul", ["column", "nothing"], ["blank"]),
    helper.make_node("Add", ["blank", "families"], ["family"]),
)


def make_card(**changes: Any) -> ModelCard:
    """A valid card, with `changes` to its fields."""
    fields: dict[str, Any] = {
        "id": MODEL_ID,
        "aliases": ("stable", "stable-latest"),
        "created": date(2026, 1, 16),
        "description": "Calls noise a spoof.",
        "command": "python -m tests.model_factory",
        "sha256": "0" * 64,
        "data": TrainingData(sha256="1" * 64, summary="none"),
        "calibration": Calibration(slope=0.5, intercept=-5.0),
        "fusion": FileFusion(),
        "band": IndecisionBand(low=-0.5, high=0.5),
        "partial": PartialRule(tau=((1, 1.0), (4, 2.0)), clearly_bonafide=-1.0),
        "quality": QualityLimits(net_speech=1.0, window_speech=0.5, snr_db=5.0, bandwidth_hz=3_000),
        "metrics": {"dev": MetricTable(command="none", rows={"all": {"eer": 0.25}})},
    }
    return ModelCard(**(fields | changes))


def make_weights(
    input_name: str = "waveform", length: int = WINDOW_SAMPLES, families: Sequence[float] = ()
) -> bytes:
    """The ONNX graph, as the bytes of a file; with the logits of `families`, it attributes."""
    constants = {"start0": 0, "end0": length - 1, "start1": 1, "end1": length, "axis": 1}
    outputs = [("logit", ["batch"])]
    if families:
        outputs.append(("family", ["batch", len(families)]))
    graph = helper.make_graph(
        [
            helper.make_node("Slice", [input_name, "start0", "end0", "axis"], ["earlier"]),
            helper.make_node("Slice", [input_name, "start1", "end1", "axis"], ["later"]),
            helper.make_node("Sub", ["later", "earlier"], ["difference"]),
            helper.make_node("ReduceL2", ["difference", "axis"], ["logit"], keepdims=0),
            *(_FAMILY_NODES if families else ()),
        ],
        "noisiness",
        [helper.make_tensor_value_info(input_name, TensorProto.FLOAT, ["batch", length])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs],
        [
            *_family_constants(families),
            *(
                helper.make_tensor(name, TensorProto.INT64, [1], [value])
                for name, value in constants.items()
            ),
        ],
    )
    opset = [helper.make_opsetid("", 18)]
    return onnx.ModelProto.SerializeToString(
        helper.make_model(graph, opset_imports=opset, ir_version=10)
    )


def _family_constants(families: Sequence[float]) -> Iterator[TensorProto]:
    """The same logits for every window: what is heard, times nothing, plus them."""
    for name, values in (("nothing", [0.0] * len(families)), ("families", families)):
        if families:
            yield helper.make_tensor(name, TensorProto.FLOAT, [1, len(families)], values)


def write_model(models: Path, weights: bytes | None = None, **changes: Any) -> Path:
    """Installs a model in the folder `models` and returns its own folder."""
    weights = make_weights() if weights is None else weights
    card = make_card(**({"sha256": hashlib.sha256(weights).hexdigest()} | changes))
    folder = models / card.id
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(weights)
    write_card(card, folder)
    return folder


def hum(seconds: float, level: float = 0.1) -> NDArray[np.float32]:
    """A 110-Hz tone at 16 kHz: bona fide, to the model above."""
    time = np.arange(round(seconds * 16_000)) / 16_000
    return (level * np.sin(2 * np.pi * 110 * time)).astype(np.float32)


def hiss(seconds: float, level: float = 0.1, seed: int = 1) -> NDArray[np.float32]:
    """White noise at 16 kHz: spoof, to the model above."""
    noise = np.random.default_rng(seed).standard_normal(round(seconds * 16_000))
    return (level * noise).astype(np.float32)
