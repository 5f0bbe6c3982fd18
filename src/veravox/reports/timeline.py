"""The timeline of a recording as bars: one for each window, or for several of a long recording."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from veravox.detection.verdict import Result
from veravox.reports.content import SegmentBody

MOST_BARS = 160
TICK_SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400)
MOST_TICKS = 10


@dataclass(frozen=True, slots=True)
class Bar:
    """From `start` to `end` seconds; `probability` is the highest of its windows, None if unscored.

    `spoofed`: whether a window in it is called spoofed.
    """

    start: float
    end: float
    probability: float | None
    spoofed: bool


def bars(segments: Sequence[SegmentBody]) -> list[Bar]:
    """At most `MOST_BARS` bars over all windows, in order, not overlapping."""
    per_bar = -(-len(segments) // MOST_BARS) or 1
    made: list[Bar] = []
    for _, group in groupby(segments, key=lambda segment: segment.index // per_bar):
        windows = list(group)
        start = max(windows[0].start, made[-1].end if made else 0.0)
        made.append(_bar(start, windows))
    return made


def ticks(duration: float) -> list[int]:
    """Seconds at which a time axis of `duration` seconds is labelled."""
    step = next((s for s in TICK_SECONDS if duration / s <= MOST_TICKS), TICK_SECONDS[-1])
    return list(range(0, int(duration) + 1, step))


def _bar(start: float, windows: Sequence[SegmentBody]) -> Bar:
    known = [w.spoof_probability for w in windows if w.spoof_probability is not None]
    return Bar(
        start=start,
        end=windows[-1].end,
        probability=max(known, default=None),
        spoofed=any(window.result is Result.SPOOFED for window in windows),
    )
