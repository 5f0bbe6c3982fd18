"""Where somebody speaks: a small network, distilled from Silero VAD, over canonical audio.

The weights and how they were made are in `models/speech_activity.json`; `training.speech_activity`
makes them again. Input of the ONNX graph: "waveform" float32 [1, n >= 400]; output: "speech"
float32 [1, n // 160].
"""

import hashlib
import json
from pathlib import Path
from typing import cast

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from veravox.audio.canonical import SAMPLE_RATE, Samples

FRAME_SECONDS = 0.01
FRAME_SAMPLES = round(FRAME_SECONDS * SAMPLE_RATE)
SPEECH_PROBABILITY = 0.5
"""From this probability on, a frame counts as speech."""

_MODEL = Path(__file__).parent / "models" / "speech_activity.onnx"
_SHORTEST_INPUT = 400


class SpeechActivity:
    """The loaded network. Stateless between calls and safe to share between threads.

    `sha256`: of its weights, in hexadecimal.
    """

    def __init__(self, model: Path = _MODEL) -> None:
        """Loads `model`, an ONNX file beside a card of the same name with suffix `.json`.

        Raises ValueError when the file is not the one the card describes.
        """
        card = json.loads(model.with_suffix(".json").read_text(encoding="utf-8"))
        weights = model.read_bytes()
        self.sha256 = hashlib.sha256(weights).hexdigest()
        if self.sha256 != card["sha256"]:
            raise ValueError(f"{model.name} does not have the sha256 that its card states")
        if card["frame_seconds"] != FRAME_SECONDS:
            raise ValueError(f"{model.name} does not have frames of {FRAME_SECONDS} seconds")
        self._session = ort.InferenceSession(
            weights, _session_options(), providers=["CPUExecutionProvider"]
        )

    def probabilities(self, samples: Samples) -> NDArray[np.float32]:
        """Probability of speech, 0..1, in each whole 10-ms frame of canonical `samples`.

        `samples`: shape (n,), any level. Returns shape (n // 160,).
        """
        padded = np.pad(samples, (0, max(0, _SHORTEST_INPUT - samples.size)))
        (speech,) = self._session.run(["speech"], {"waveform": padded[np.newaxis]})
        return cast(NDArray[np.float32], speech)[0, : samples.size // FRAME_SAMPLES]


def _session_options() -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options
