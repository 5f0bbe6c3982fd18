"""Five-second analysis windows, as the v1 API defines them.

Windows start at 0 and do not overlap. A remainder of one second or more is a window of its own;
a shorter one makes the last full window slide back to end with the audio (10.4 s gives 0-5 and
5.4-10.4). Audio shorter than a window is one window.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

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


class Tail(StrEnum):
    """What becomes of the end of a stream that is too short for a window of its own.

    It is dropped, or the window before it grows to the end, or that window slides to the end, as
    it does in a file.
    """

    DROP = "drop"
    EXTEND = "extend"
    RECOMPUTE = "recompute"


@dataclass(frozen=True, slots=True)
class LastWindow:
    """The window that ends a stream; with `replaces` it stands for the one given before it."""

    window: Window
    replaces: bool


class StreamWindows:
    """Windows of canonical audio that is still coming, each given as soon as it is full."""

    def __init__(self, size: int, minimum: int, tail: Tail) -> None:
        """Windows have `size` samples; from `minimum` on, the rest of a stream is a window too."""
        self._size = size
        self._minimum = minimum
        self._tail = tail
        self._held: Samples = np.zeros(0, np.float32)
        self._last: Window | None = None

    @property
    def seconds(self) -> float:
        """How much audio came."""
        return self._offset + self._held.size / SAMPLE_RATE

    def push(self, block: Samples) -> list[Window]:
        """The windows that `block`, shape (n,), completes."""
        self._held = np.concatenate((self._held, block))
        complete: list[Window] = []
        while self._held.size >= self._size:
            self._last = Window(self._next_index, self._offset, self._held[: self._size])
            self._held = self._held[self._size :]
            complete.append(self._last)
        return complete

    def finish(self) -> LastWindow | None:
        """What becomes of the rest; None when there is none or it is dropped."""
        if self._held.size >= self._minimum and self._held.size:
            return LastWindow(Window(self._next_index, self._offset, self._held), replaces=False)
        if self._last is None or not self._held.size or self._tail is Tail.DROP:
            return None
        samples = np.concatenate((self._last.samples, self._held))
        start = self._last.start
        if self._tail is Tail.RECOMPUTE:
            start += self._held.size / SAMPLE_RATE
            samples = samples[-self._size :]
        return LastWindow(Window(self._last.index, start, samples), replaces=True)

    @property
    def _next_index(self) -> int:
        return 0 if self._last is None else self._last.index + 1

    @property
    def _offset(self) -> float:
        return self._next_index * self._size / SAMPLE_RATE
