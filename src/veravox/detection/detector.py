"""Scores one canonical window with an ONNX model."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import onnxruntime as ort

from veravox.audio.canonical import Samples, level
from veravox.audio.windows import WINDOW_SAMPLES
from veravox.detection.attribution import family_probabilities
from veravox.detection.calibration import calibrated
from veravox.detection.card import WEIGHTS_FILE, Attribution, ModelCard, read_card
from veravox.errors import InvalidModel

INPUT_NAME = "waveform"
OUTPUT_NAME = "logit"
FAMILY_NAME = "family"
FLOAT_TENSOR = "tensor(float)"


@dataclass(frozen=True, slots=True)
class WindowScore:
    """A window's calibrated spoof_llr, and the probabilities of the card's families if any."""

    spoof_llr: float
    families: tuple[float, ...] | None


class Detector(Protocol):
    """Scores canonical windows. Thread-safe."""

    @property
    def card(self) -> ModelCard:
        """The card of the model that scores."""
        ...

    def score(self, samples: Samples) -> float:
        """Calibrated spoof_llr of one canonical window, shape (n,), at most 5 s."""
        ...

    def judge(self, samples: Samples) -> WindowScore:
        """As `score`, with the families of generators."""
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
        [batch, 80000] and give `logit` float32 [batch] and, where the card has attribution,
        `family` float32 [batch, number of families].
        """
        self._card = card or read_card(directory)
        name = f"{directory.name}/{WEIGHTS_FILE}"
        weights = _verified(directory / WEIGHTS_FILE, self._card.sha256, name)
        self._session = _session(weights, name, self._card.attribution)

    @property
    def card(self) -> ModelCard:
        """The card in force."""
        return self._card

    def score(self, samples: Samples) -> float:
        """Calibrated spoof_llr of one canonical window, shape (n,), at most 5 s.

        Raises ValueError for an empty or longer window.
        """
        return self.judge(samples).spoof_llr

    def judge(self, samples: Samples) -> WindowScore:
        """As `score`, with the families of generators where the card has them."""
        outputs = self._session.run(None, {INPUT_NAME: fit_window(samples)[np.newaxis]})
        llr = calibrated(float(outputs[0][0]), self._card.calibration)
        attribution = self._card.attribution
        if attribution is None:
            return WindowScore(llr, None)
        return WindowScore(llr, family_probabilities(outputs[1][0], attribution))


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


def _session(weights: bytes, name: str, attribution: Attribution | None) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    try:
        session = ort.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's exceptions have no common base of their own
        raise InvalidModel(f"{name}: not a loadable ONNX model") from error
    _check("input", session.get_inputs(), {INPUT_NAME: [WINDOW_SAMPLES]}, name)
    outputs: dict[str, list[int]] = {OUTPUT_NAME: []}
    if attribution is not None:
        outputs[FAMILY_NAME] = [len(attribution.families)]
    _check("output", session.get_outputs(), outputs, name)
    return session


def _check(
    kind: str, found: Sequence[ort.NodeArg], wanted: Mapping[str, list[int]], name: str
) -> None:
    """The inputs or outputs are float tensors, named and shaped [batch, *inner] as `wanted`."""
    right = [tensor.name for tensor in found] == list(wanted) and all(
        tensor.type == FLOAT_TENSOR and tensor.shape[1:] == wanted[tensor.name] and tensor.shape
        for tensor in found
    )
    if not right:
        described = ", ".join(
            f"{tensor!r}, float32 {['batch', *inner]}" for tensor, inner in wanted.items()
        )
        raise InvalidModel(f"{name}: its {kind} must be {described}")
