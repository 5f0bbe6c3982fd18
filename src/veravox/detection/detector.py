"""Scores one canonical window with an ONNX model."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import onnxruntime as ort

from veravox.audio.canonical import Samples, level
from veravox.audio.windows import WINDOW_SAMPLES
from veravox.detection.calibration import calibrated
from veravox.detection.card import WEIGHTS_FILE, ModelCard, read_card
from veravox.errors import InvalidModel

INPUT_NAME = "waveform"
OUTPUT_NAME = "logit"
FLOAT_TENSOR = "tensor(float)"


class Detector(Protocol):
    """Scores canonical windows. Thread-safe."""

    @property
    def card(self) -> ModelCard:
        """The card of the model that scores."""
        ...

    def score(self, samples: Samples) -> float:
        """Calibrated spoof_llr of one canonical window, shape (n,), at most 5 s."""
        ...


class OnnxDetector:
    """The model in a folder of `model.onnx` and `card.json`, on one CPU thread a call.

    A call scores one window and shares nothing with other calls, so that a score depends on the
    window only.
    """

    def __init__(self, directory: Path, card: ModelCard | None = None) -> None:
        """Loads the model. Raises InvalidModel, naming the file, unless it is what its card says.

        `card` stands in for the one in the folder, with an operator's own calibration.

        That is: the weights have the card's SHA-256, load, take `waveform` float32
        [batch, 80000] and give `logit` float32 [batch].
        """
        self._card = card or read_card(directory)
        name = f"{directory.name}/{WEIGHTS_FILE}"
        self._session = _session(_verified(directory / WEIGHTS_FILE, self._card.sha256, name), name)

    @property
    def card(self) -> ModelCard:
        """The card in force."""
        return self._card

    def score(self, samples: Samples) -> float:
        """Calibrated spoof_llr of one canonical window, shape (n,), at most 5 s.

        Raises ValueError for an empty or longer window.
        """
        outputs = self._session.run([OUTPUT_NAME], {INPUT_NAME: fit_window(samples)[np.newaxis]})
        return calibrated(float(outputs[0][0]), self._card.calibration)


def fit_window(samples: Samples) -> Samples:
    """A canonical window at its RMS level, repeated from its start to exactly 5 s, (80000,).

    Raises ValueError for an empty window or one longer than 5 s.
    """
    if not 0 < samples.size <= WINDOW_SAMPLES:
        raise ValueError(f"a window has 1 to {WINDOW_SAMPLES} samples, not {samples.size}")
    return np.resize(level(samples), WINDOW_SAMPLES)


def _verified(path: Path, sha256: str, name: str) -> bytes:
    try:
        weights = path.read_bytes()
    except OSError as error:
        raise InvalidModel(f"{name}: {error.strerror}") from error
    if hashlib.sha256(weights).hexdigest() != sha256:
        raise InvalidModel(f"{name}: its SHA-256 is not the one in the card")
    return weights


def _session(weights: bytes, name: str) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    try:
        session = ort.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's exceptions have no common base of their own
        raise InvalidModel(f"{name}: not a loadable ONNX model") from error
    _check("input", session.get_inputs(), INPUT_NAME, [WINDOW_SAMPLES], name)
    _check("output", session.get_outputs(), OUTPUT_NAME, [], name)
    return session


def _check(
    kind: str, found: Sequence[ort.NodeArg], tensor: str, inner: list[int], name: str
) -> None:
    """The one input or output is a float tensor called `tensor`, shape [batch, *inner]."""
    right = (
        len(found) == 1
        and found[0].name == tensor
        and found[0].type == FLOAT_TENSOR
        and len(found[0].shape) == 1 + len(inner)
        and found[0].shape[1:] == inner
    )
    if not right:
        shape = ["batch", *inner]
        raise InvalidModel(f"{name}: its {kind} must be {tensor!r}, float32 {shape}")
