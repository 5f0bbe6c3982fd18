"""Speech without its pauses: what speaker embeddings are made of, in training and in serving."""

import numpy as np
from numpy.typing import NDArray

from veravox.audio.activity import FRAME_SAMPLES
from veravox.audio.canonical import SAMPLE_RATE, Samples

MARGIN_FRAMES = 5
"""So many 10-ms frames around speech are kept with it, since onsets carry the voice too."""
PART_SAMPLES = round(1.6 * SAMPLE_RATE)
"""Speech is embedded in parts of this length."""


def spoken(samples: Samples, speech: NDArray[np.bool_]) -> Samples:
    """The frames of canonical `samples` (n,) that hold speech, or are within 50 ms of it, joined.

    `speech`: one flag for each whole 10-ms frame, (n // 160,). Samples after them are left out.
    """
    width = 2 * MARGIN_FRAMES + 1
    kept = np.convolve(speech, np.ones(width, np.intp), mode="full")
    kept = kept[MARGIN_FRAMES : MARGIN_FRAMES + speech.size] > 0
    return samples[: speech.size * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)[kept].ravel()


def parts_of(speech: Samples) -> NDArray[np.float32]:
    """Parts of 1.6 s that cover `speech`, (n,), as rows: (k, 25600), k >= 1.

    They lie end to end, except that the last one ends with the speech; less than 1.6 s is repeated.
    Raises ValueError when there is no speech.
    """
    if speech.size == 0:
        raise ValueError("there is no speech to embed")
    filled = speech if speech.size >= PART_SAMPLES else np.resize(speech, PART_SAMPLES)
    last = filled.size - PART_SAMPLES
    return np.stack([filled[f : f + PART_SAMPLES] for f in (*range(0, last, PART_SAMPLES), last)])
