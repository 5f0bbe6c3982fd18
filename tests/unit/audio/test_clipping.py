import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.audio_factory import tone
from veravox.audio.clipping import ClippingMeter


def _ratio(*blocks: np.ndarray) -> float:
    meter = ClippingMeter()
    for block in blocks:
        meter.push(block, 1.0)
    return meter.ratio()


def test_a_sine_that_just_reaches_full_scale_is_not_clipped() -> None:
    assert _ratio(tone(1.0, 1_000.0, peak=1.0)) == 0.0


def test_flat_tops_count_with_all_their_samples() -> None:
    block = np.array([[0, 1, 1, 1, 0, 1, 1, 0, -1, -1, -1, -1]], np.float32)
    assert _ratio(block) == pytest.approx(7 / 12)


def test_an_overdriven_sine_is_clipped_for_the_time_that_it_would_be_over() -> None:
    overdriven = np.clip(tone(1.0, 100.0, peak=2.0), -1.0, 1.0)
    assert _ratio(overdriven) == pytest.approx(2 / 3, abs=0.01)


def test_a_clipped_channel_is_diluted_by_a_clean_one() -> None:
    clipped = np.ones((1, 100), np.float32)
    assert _ratio(np.concatenate((clipped, np.zeros_like(clipped)))) == 0.5


def test_runs_do_not_continue_when_the_number_of_channels_changes() -> None:
    assert _ratio(np.ones((1, 3), np.float32), np.ones((2, 2), np.float32)) == pytest.approx(3 / 7)


def test_nothing_has_no_clipping() -> None:
    assert _ratio() == 0.0


@given(
    flags=st.lists(st.booleans(), min_size=1, max_size=60),
    cuts=st.lists(st.integers(1, 59), max_size=6),
)
def test_block_boundaries_make_no_difference(flags: list[bool], cuts: list[int]) -> None:
    whole = np.array([flags], np.float32)
    parts = [part for part in np.split(whole, sorted(cuts), axis=1) if part.size]
    assert _ratio(*parts) == _ratio(whole)
