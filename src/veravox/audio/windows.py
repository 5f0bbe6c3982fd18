"""Five-second analysis windows, as the v1 API defines them.

Windows start at 0 and do not overlap. A remainder of one second or more is a window of its own;
a shorter one makes the last full window slide back to end with the audio (10.4 s gives 0-5 and
5.4-10.4). Audio shorter than a window is one window.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from veravox.audio.canonical import SAMPLE_RATE, Samples

WINDOW_SAMPLES = 5 * SAMPLE_RATE
MINIMUM_REMAINDER_SAMPLES = SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class Window:
    """Canonical samples, shape (n,), that begin `start` seconds into the recording."""

    index: int
    start: float
    samples: Samples

    @property
    def end(self) -> float:
        """Seconds into the recording at which the window ends."""
        return self.start + self.samples.size / SAMPLE_RATE


def window_bounds(n_samples: int) -> list[tuple[int, int]]:
    """(first, past-last) sample of each window of a recording of `n_samples`."""
    if n_samples <= 0:
        return []
    full, remainder = divmod(n_samples, WINDOW_SAMPLES)
    bounds = [(i * WINDOW_SAMPLES, (i + 1) * WINDOW_SAMPLES) for i in range(full)]
    if remainder >= MINIMUM_REMAINDER_SAMPLES or (remainder and not full):
        bounds.append((full * WINDOW_SAMPLES, n_samples))
    elif remainder:
        bounds[-1] = (n_samples - WINDOW_SAMPLES, n_samples)
    return bounds


def windows(blocks: Iterable[Samples]) -> Iterator[Window]:
    """The windows of streamed canonical audio, holding at most one window and one block.

    A full window is held back until it is known whether it has to slide.
    """
    held = np.zeros(0, np.float32)
    offset = index = 0
    for block in blocks:
        held = np.concatenate((held, block))
        while held.size >= WINDOW_SAMPLES + MINIMUM_REMAINDER_SAMPLES:
            yield Window(index, offset / SAMPLE_RATE, held[:WINDOW_SAMPLES])
            held = held[WINDOW_SAMPLES:]
            offset += WINDOW_SAMPLES
            index += 1
    for first, end in window_bounds(held.size):
        yield Window(index, (offset + first) / SAMPLE_RATE, held[first:end])
        index += 1
