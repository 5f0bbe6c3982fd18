"""How much of a recording was cut off at full scale, measured before anything is resampled.

A single sample at full scale is the peak of a well-levelled recording; clipping is a flat top. A
sample counts as clipped when it lies in a run of at least `RUN` consecutive samples of its
channel at or above full scale.
"""

import numpy as np
from numpy.typing import NDArray

from veravox.audio.canonical import Samples

RUN = 3


class ClippingMeter:
    """Share of clipped samples over blocks of any size, in constant memory."""

    def __init__(self) -> None:
        """An empty meter; runs are followed across blocks of the same number of channels."""
        self._tail: NDArray[np.bool_] = np.zeros((0, 2 * (RUN - 1)), np.bool_)
        self._clipped = 0
        self._total = 0

    def push(self, block: Samples, full_scale: float) -> None:
        """Counts `block`, shape (channels, n > 0); `full_scale` is its format's largest value."""
        if block.shape[0] != self._tail.shape[0]:
            self._finish_runs()
            self._tail = np.zeros((block.shape[0], 2 * (RUN - 1)), np.bool_)
        self._total += block.size
        self._follow(np.abs(block) >= full_scale)

    def ratio(self) -> float:
        """Clipped samples over all samples, 0..1; ends the recording."""
        self._finish_runs()
        return self._clipped / self._total if self._total else 0.0

    def _finish_runs(self) -> None:
        self._follow(np.zeros((self._tail.shape[0], RUN - 1), np.bool_))

    def _follow(self, at_full_scale: NDArray[np.bool_]) -> None:
        """Counts the samples whose neighbourhood is now known and keeps the rest.

        The first `RUN` - 1 kept flags were counted before and serve as context only.
        """
        flags = np.concatenate((self._tail, at_full_scale), axis=1)
        self._tail = flags[:, -2 * (RUN - 1) :]
        if not flags.any():
            return
        starts = np.lib.stride_tricks.sliding_window_view(flags, RUN, axis=1).all(axis=2)
        in_run = np.lib.stride_tricks.sliding_window_view(starts, RUN, axis=1).any(axis=2)
        self._clipped += int(in_run.sum())
