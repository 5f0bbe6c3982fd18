"""Speech without its pauses: what speaker embeddings are made of, in training and in serving."""

import numpy as np
from numpy.typing import NDArray

from veravox.audio.activity import FRAME_SAMPLES
from veravox.audio.canonical import Samples

MARGIN_FRAMES = 5
"""So many 10-ms frames around speech are kept with it, since onsets carry the voice too."""


def spoken(samples: Samples, speech: NDArray[np.bool_]) -> Samples:
    """The frames of canonical `samples` (n,) that hold speech, or are within 50 ms of it, joined.

    `speech`: one flag for each whole 10-ms frame, (n // 160,). Samples after them are left out.
    """
    width = 2 * MARGIN_FRAMES + 1
    kept = np.convolve(speech, np.ones(width, np.intp), mode="full")
    kept = kept[MARGIN_FRAMES : MARGIN_FRAMES + speech.size] > 0
    return samples[: speech.size * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)[kept].ravel()
