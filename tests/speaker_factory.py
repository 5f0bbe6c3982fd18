"""A real, tiny speaker encoder for tests: ONNX weights, a cohort and a card, made on the spot.

Its embedding is the mean rectified response to 256 fixed tones between 80 and 4000 Hz, spread on a
logarithmic scale: voices of another pitch and timbre point elsewhere.
"""

import hashlib
import io
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from veravox.speaker.card import (
    DIMENSIONS,
    Calibration,
    MetricTable,
    Normalisation,
    OperatingPoint,
    QualityLimits,
    SpeakerCard,
    TrainingData,
    write_card,
)

ENCODER_ID = "tones-1"
TAPS = 800
STEP = 400
COHORT = 40


def make_weights(output_name: str = "embedding", dimensions: int = DIMENSIONS) -> bytes:
    """The ONNX graph, as the bytes of a file."""
    frequencies = np.geomspace(80.0, 4_000.0, dimensions)
    time = np.arange(TAPS) / 16_000
    window = np.hanning(TAPS)
    tones = np.concatenate(
        [
            np.cos(2 * np.pi * frequencies[:, None] * time) * window,
            np.sin(2 * np.pi * frequencies[:, None] * time) * window,
        ]
    ).astype(np.float32)[:, None]
    nodes = [
        helper.make_node("Unsqueeze", ["waveform", "axis"], ["signal"]),
        helper.make_node("Conv", ["signal", "tones"], ["both"], strides=[STEP]),
        helper.make_node("Mul", ["both", "both"], ["squares"]),
        helper.make_node("Split", ["squares"], ["real", "imaginary"], axis=1, num_outputs=2),
        helper.make_node("Add", ["real", "imaginary"], ["power"]),
        helper.make_node("ReduceMean", ["power", "frames"], ["mean"], keepdims=0),
        helper.make_node("Add", ["mean", "floor"], ["floored"]),
        helper.make_node("Log", ["floored"], ["levels"]),
        helper.make_node("ReduceMean", ["levels", "axis"], ["centre"]),
        helper.make_node("Sub", ["levels", "centre"], ["centred"]),
        helper.make_node("LpNormalization", ["centred"], [output_name], axis=1, p=2),
    ]
    graph = helper.make_graph(
        nodes,
        "tones",
        [helper.make_tensor_value_info("waveform", TensorProto.FLOAT, ["batch", "samples"])],
        [helper.make_tensor_value_info(output_name, TensorProto.FLOAT, ["batch", dimensions])],
        [
            numpy_helper.from_array(tones, "tones"),
            numpy_helper.from_array(np.array([1], np.int64), "axis"),
            numpy_helper.from_array(np.array([2], np.int64), "frames"),
            numpy_helper.from_array(np.array(0.1, np.float32), "floor"),
        ],
    )
    opset = [helper.make_opsetid("", 18)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=10)
    return onnx.ModelProto.SerializeToString(model)


def make_cohort(count: int = COHORT) -> bytes:
    """Random directions, as the bytes of a NumPy file."""
    rows = np.random.default_rng(3).standard_normal((count, DIMENSIONS))
    target = io.BytesIO()
    np.save(target, (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16))
    return target.getvalue()


def make_card(**changes: Any) -> SpeakerCard:
    """A valid card, with `changes` to its fields."""
    fields: dict[str, Any] = {
        "id": ENCODER_ID,
        "created": date(2026, 11, 21),
        "description": "Listens for tones.",
        "command": "python -m tests.speaker_factory",
        "sha256": "0" * 64,
        "cohort_sha256": "1" * 64,
        "data": TrainingData(sha256="2" * 64, summary="none"),
        "normalisation": Normalisation(nearest=10),
        "calibration": Calibration(slope=2.0, intercept=-72.0),
        "points": (
            OperatingPoint(false_match_rate=0.01, threshold=0.0, reject_below=-1.0),
            OperatingPoint(false_match_rate=0.001, threshold=2.0, reject_below=-1.0),
        ),
        "default_rate": 0.01,
        "identify_margin": 1.0,
        "quality": QualityLimits(
            test_speech=1.0,
            enrol_speech=5.0,
            snr_db=5.0,
            clipping_ratio=0.05,
            self_similarity=0.8,
        ),
        "metrics": {"held out": MetricTable(command="none", rows={"all": {"eer": 0.05}})},
    }
    return SpeakerCard(**(fields | changes))


def write_encoder(
    encoders: Path, weights: bytes | None = None, cohort: bytes | None = None, **changes: Any
) -> Path:
    """Installs an encoder below `encoders` and returns its own folder."""
    weights = make_weights() if weights is None else weights
    cohort = make_cohort() if cohort is None else cohort
    hashes = {
        "sha256": hashlib.sha256(weights).hexdigest(),
        "cohort_sha256": hashlib.sha256(cohort).hexdigest(),
    }
    card = make_card(**(hashes | changes))
    folder = encoders / card.id
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(weights)
    (folder / "cohort.npy").write_bytes(cohort)
    write_card(card, folder)
    return folder
