"""A recording's segments as one line of a terminal.

The height of each bar tells the spoof probability as well as its colour does, so that nothing is
lost without colour; a terminal that cannot show bars gets digits.
"""

from collections.abc import Sequence
from itertools import pairwise

from rich.console import Console
from rich.text import Text

from veravox.detection.calibration import spoof_probability
from veravox.detection.verdict import Segment

BARS = "\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588"
DIGITS = "0123456789"
NOT_SCORED = "\u00b7"
NOT_SCORED_ASCII = "."
CLEAR_FROM = 0.5
"""Half of the threshold: up to there a bar is green, and yellow from there to the threshold."""


def timeline(
    segments: Sequence[Segment], threshold: float, console: Console, label: str = ""
) -> Text:
    """The segments between the times at which they begin and end.

    `threshold`, 0..1, is the spoof probability from which a bar is red. Where the console is too
    narrow for a bar a segment, each bar shows the most suspicious of several.
    """
    if not segments:
        return Text()
    before, after = f"  {label}{clock(segments[0].start)} ", f" {clock(segments[-1].end)}"
    room = max(1, console.width - len(before) - len(after))
    fancy = console.encoding.lower().startswith("utf")
    line = Text().append(before, "dim")
    for group in _groups(segments, room):
        line.append(*_bar(group, threshold, fancy=fancy))
    return line.append(after, "dim")


def clock(seconds: float) -> str:
    """A time in a recording, such as 1:05 or 2:00:07."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _groups(segments: Sequence[Segment], most: int) -> list[Sequence[Segment]]:
    """The segments in at most `most` runs of nearly the same length."""
    count = min(most, len(segments))
    ends = [round(index * len(segments) / count) for index in range(count + 1)]
    return [segments[first:end] for first, end in pairwise(ends)]


def _bar(segments: Sequence[Segment], threshold: float, *, fancy: bool) -> tuple[str, str]:
    """A character and its style."""
    llrs = [segment.spoof_llr for segment in segments if segment.spoof_llr is not None]
    if not llrs:
        return (NOT_SCORED if fancy else NOT_SCORED_ASCII), "dim"
    probability = spoof_probability(max(llrs))
    signs = BARS if fancy else DIGITS
    sign = signs[min(len(signs) - 1, int(probability * len(signs)))]
    return sign, _colour(probability, threshold)


def _colour(probability: float, threshold: float) -> str:
    if probability >= threshold:
        return "red"
    return "green" if probability < threshold * CLEAR_FROM else "yellow"
