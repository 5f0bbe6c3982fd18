"""Segments as a line of a terminal."""

import io
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from veravox.cli.timeline import BARS, clock, timeline
from veravox.detection.verdict import Segment


def segments(*probabilities: float | None) -> list[Segment]:
    return [
        Segment(
            index=index,
            start=5.0 * index,
            end=5.0 * (index + 1),
            silence=0.0,
            spoof_llr=None if p is None else math.log(p / (1.0 - p)),
        )
        for index, p in enumerate(probabilities)
    ]


def shown(
    parts: list[Segment],
    width: int = 80,
    colour: bool = False,
    encoding: str = "utf-8",
    threshold: float = 0.5,
) -> str:
    raw = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    system = "standard" if colour else None
    console = Console(file=raw, width=width, force_terminal=colour, color_system=system)
    console.print(timeline(parts, threshold, console))
    raw.flush()
    raw.seek(0)
    return raw.read()


def test_the_height_of_a_bar_is_the_probability() -> None:
    line = shown(segments(0.01, 0.5, 0.99, None))

    assert line.split() == ["0:00", BARS[0] + BARS[4] + BARS[7] + "\u00b7", "0:20"]


def test_a_terminal_without_bars_gets_digits() -> None:
    assert shown(segments(0.01, 0.55, 0.99, None), encoding="ascii").split()[1] == "059."


def test_colours_follow_the_threshold() -> None:
    line = shown(segments(0.1, 0.5, 0.9), colour=True, threshold=0.8)

    assert re.findall(r"\x1b\[(3\d)m", line) == ["32", "33", "31"]


def test_a_long_recording_keeps_its_worst_moment_in_one_line() -> None:
    line = shown(segments(*[0.01] * 5000, 0.99, *[0.01] * 5000), width=60)

    assert line.count("\n") == 1
    assert line.count(BARS[7]) == 1


@given(count=st.integers(1, 400), width=st.integers(20, 200))
def test_a_line_fits_the_terminal(count: int, width: int) -> None:
    line = shown(segments(*[0.5] * count), width=width)

    assert line.count("\n") == 1
    assert len(line.rstrip("\n")) <= width


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0, "0:00"), (65.9, "1:05"), (3600.0, "1:00:00"), (7207.0, "2:00:07")]
)
def test_times_read_as_on_a_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text
