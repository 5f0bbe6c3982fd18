import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from veravox.audio.canonical import SAMPLE_RATE
from veravox.audio.windows import (
    MINIMUM_REMAINDER_SAMPLES,
    WINDOW_SAMPLES,
    StreamWindows,
    Tail,
    window_bounds,
    windows,
)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (10.0, [(0.0, 5.0), (5.0, 10.0)]),
        (8.5, [(0.0, 5.0), (5.0, 8.5)]),
        (10.4, [(0.0, 5.0), (5.4, 10.4)]),
        (6.0, [(0.0, 5.0), (5.0, 6.0)]),
        (3.0, [(0.0, 3.0)]),
        (0.0, []),
    ],
)
def test_windows_are_those_of_the_published_api(
    seconds: float, expected: list[tuple[float, float]]
) -> None:
    bounds = window_bounds(round(seconds * SAMPLE_RATE))
    assert [(first / SAMPLE_RATE, end / SAMPLE_RATE) for first, end in bounds] == expected


@given(
    length=st.integers(0, 4 * WINDOW_SAMPLES),
    cuts=st.lists(st.integers(0, 4 * WINDOW_SAMPLES), max_size=6),
)
def test_streamed_windows_are_the_windows_of_the_whole(length: int, cuts: list[int]) -> None:
    samples = np.arange(length, dtype=np.float32)
    streamed = list(windows(np.split(samples, sorted(cuts))))
    bounds = window_bounds(length)
    assert [window.index for window in streamed] == list(range(len(bounds)))
    for window, (first, end) in zip(streamed, bounds, strict=True):
        assert window.start == first / SAMPLE_RATE
        assert window.end == pytest.approx(end / SAMPLE_RATE)
        np.testing.assert_array_equal(window.samples, samples[first:end])


@given(
    length=st.integers(MINIMUM_REMAINDER_SAMPLES, 4 * WINDOW_SAMPLES),
    cuts=st.lists(st.integers(0, 4 * WINDOW_SAMPLES), max_size=6),
)
def test_a_stream_ends_with_the_windows_of_a_file(length: int, cuts: list[int]) -> None:
    samples = np.arange(length, dtype=np.float32)
    stream = StreamWindows(WINDOW_SAMPLES, MINIMUM_REMAINDER_SAMPLES, Tail.RECOMPUTE)
    heard = [w for part in np.split(samples, sorted(cuts)) for w in stream.push(part)]
    last = stream.finish()
    if last is not None:
        heard = [*(heard[:-1] if last.replaces else heard), last.window]

    for streamed, of_file in zip(heard, windows([samples]), strict=True):
        assert streamed.index == of_file.index
        assert streamed.start == pytest.approx(of_file.start)
        np.testing.assert_array_equal(streamed.samples, of_file.samples)
