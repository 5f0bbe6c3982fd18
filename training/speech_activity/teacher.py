"""Silero VAD (MIT licence) as the teacher. Used in training only; none of it is shipped."""

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from training.speech_activity.frontend import HOP
from veravox.audio.canonical import Samples, level

CHUNK = 512
CONTEXT = 64
STATE = 128


class Teacher:
    """The sequence form of Silero VAD for 16 kHz (``silero_vad_16k_sequence.onnx``)."""

    def __init__(self, model: Path) -> None:
        """`model` is the ONNX file from the ``silero-vad`` wheel."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(str(model), options)

    def probabilities(self, samples: Samples) -> NDArray[np.float32]:
        """Speech probability per 10-ms frame of clean canonical `samples`, shape (n // 160,).

        The teacher gives one probability per 32 ms; frames in between are interpolated.
        """
        chunks = -(-samples.size // CHUNK)
        padded = np.zeros(CONTEXT + chunks * CHUNK, np.float32)
        padded[CONTEXT : CONTEXT + samples.size] = level(samples)
        windows = np.lib.stride_tricks.sliding_window_view(padded, CONTEXT + CHUNK)[::CHUNK]
        state = np.zeros((1, 1, STATE), np.float32)
        per_chunk = self._session.run(
            ["speech_probs"], {"input": np.ascontiguousarray(windows), "h": state, "c": state}
        )[0]
        frame_centres = (np.arange(samples.size // HOP) + 0.5) * HOP
        chunk_centres = (np.arange(chunks) + 0.5) * CHUNK
        return np.interp(frame_centres, chunk_centres, per_chunk).astype(np.float32)
