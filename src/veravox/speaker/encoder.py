"""Embeds speech with an ONNX model."""

import hashlib
import io
from pathlib import Path
from typing import cast

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from veravox.audio.canonical import Samples, level
from veravox.errors import InvalidModel
from veravox.speaker.card import (
    CARD_FILE,
    COHORT_FILE,
    DIMENSIONS,
    WEIGHTS_FILE,
    SpeakerCard,
    read_card,
)
from veravox.speaker.embedding import Embedding, unit
from veravox.speaker.speech import parts_of

INPUT_NAME = "waveform"
OUTPUT_NAME = "embedding"
FLOAT_TENSOR = "tensor(float)"
SHIPPED_ENCODERS = Path(__file__).parent / "models"


class SpeakerEncoder:
    """The encoder in a folder of `model.onnx`, `cohort.npy` and `card.json`. Thread-safe."""

    def __init__(self, folder: Path) -> None:
        """Loads the encoder in `folder`.

        Raises InvalidModel, naming the file, unless everything is what the card says: the files
        have its SHA-256s, the weights take `waveform` float32 [batch, samples] and give
        `embedding` float32 [batch, 256], and the cohort holds unit vectors.
        """
        self.card: SpeakerCard = read_card(folder)
        weights = _verified(folder / WEIGHTS_FILE, self.card.sha256)
        self._session = _session(weights, f"{folder.name}/{WEIGHTS_FILE}")
        stored = _verified(folder / COHORT_FILE, self.card.cohort_sha256)
        self.cohort = _cohort(stored, f"{folder.name}/{COHORT_FILE}")

    def embed(self, speech: Samples) -> tuple[Embedding, NDArray[np.float32]]:
        """The embedding of speech without pauses, (n,) at 16 kHz, and those of its parts.

        The parts are (k, 256), one for each part of 1.6 s; the whole is their mean.
        Raises ValueError when there is no speech.
        """
        waveform = np.stack([level(part) for part in parts_of(speech)])
        (rows,) = self._session.run([OUTPUT_NAME], {INPUT_NAME: waveform})
        parts = cast(NDArray[np.float32], rows)
        return unit(parts.sum(axis=0)), parts


def installed_encoder(directory: Path | None = None) -> SpeakerEncoder | None:
    """The encoder in `directory`, by default the newest in the package; None when there is none.

    Raises InvalidModel for one that cannot be used.
    """
    if directory is not None:
        return SpeakerEncoder(directory)
    folders = sorted(path.parent for path in SHIPPED_ENCODERS.glob(f"*/{CARD_FILE}"))
    return SpeakerEncoder(folders[-1]) if folders else None


def _verified(path: Path, sha256: str) -> bytes:
    name = f"{path.parent.name}/{path.name}"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InvalidModel(f"{name}: {error.strerror}") from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise InvalidModel(f"{name}: its SHA-256 is not the one in the card")
    return content


def _cohort(content: bytes, name: str) -> NDArray[np.float32]:
    try:
        rows = cast(NDArray[np.float32], np.load(io.BytesIO(content), allow_pickle=False))
    except ValueError as error:
        raise InvalidModel(f"{name}: not a NumPy array") from error
    if rows.ndim != 2 or rows.shape[1] != DIMENSIONS:
        raise InvalidModel(f"{name}: its shape must be (n, {DIMENSIONS})")
    rows = rows.astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


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
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if [(i.name, i.type, len(i.shape)) for i in inputs] != [(INPUT_NAME, FLOAT_TENSOR, 2)]:
        raise InvalidModel(f"{name}: its input must be {INPUT_NAME!r}, float32 [batch, samples]")
    if [(o.name, o.type, o.shape[1:]) for o in outputs] != [
        (OUTPUT_NAME, FLOAT_TENSOR, [DIMENSIONS])
    ]:
        raise InvalidModel(f"{name}: its output must be {OUTPUT_NAME!r}, float32 [batch, 256]")
    return session
