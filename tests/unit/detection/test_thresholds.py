import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from veravox.detection.card import PartialRule
from veravox.detection.thresholds import fit_band, fit_tau, tau_for
from veravox.errors import InvalidRequest


def test_no_band_is_needed_without_errors() -> None:
    band = fit_band([-2.0, -1.0, 1.0, 2.0], [False, False, True, True])
    assert (band.low, band.high) == (0.0, 0.0)


def test_the_band_is_the_smallest_that_brings_errors_to_five_percent() -> None:
    # 50 files: 46 right at +-3, one wrong at each of 0.1, 0.2, 0.3, 0.4 (8 % errors).
    # Leaving out 0.1 and 0.2 leaves 2 of 48 wrong (4.2 %).
    llrs = [3.0] * 23 + [-3.0] * 23 + [0.1, 0.2, -0.3, -0.4]
    spoof = [True] * 23 + [False] * 23 + [False, False, True, True]
    band = fit_band(llrs, spoof)
    assert (band.low, band.high) == (-0.3, 0.3)


def test_the_band_never_takes_more_than_a_fifth_of_the_files() -> None:
    random = np.random.default_rng(1)
    llrs = random.normal(0.0, 1.0, 500).tolist()
    band = fit_band(llrs, random.random(500) < 0.5)
    assert np.mean(np.abs(llrs) >= band.high) >= 0.8


def test_the_band_lies_around_the_threshold() -> None:
    shift = math.log(9)
    llrs = [llr + shift for llr in [3.0] * 20 + [-3.0] * 20 + [0.1, 0.2, -0.3]]
    spoof = [True] * 20 + [False] * 20 + [False, False, True]
    assert fit_band(llrs, spoof, threshold=0.9).high == pytest.approx(0.2, abs=1e-9)


def test_a_band_needs_files() -> None:
    with pytest.raises(InvalidRequest):
        fit_band([], [])


def test_tau_rises_with_the_number_of_windows() -> None:
    random = np.random.default_rng(2)
    table = fit_tau(random.normal(-2.0, 1.0, (50, 32)).tolist())
    assert [n for n, _ in table] == [1, 2, 4, 8, 16]
    assert [tau for _, tau in table] == sorted(tau for _, tau in table)
    assert table[0][1] == pytest.approx(-2.0 + 2.33, abs=0.2)


def test_tau_keeps_false_alarms_at_one_percent_of_long_recordings() -> None:
    random = np.random.default_rng(2)
    rule = PartialRule(
        tau=fit_tau(random.gumbel(0.0, 1.0, (200, 16)).tolist()), clearly_bonafide=-1.0
    )
    for n in (1, 8, 16, 64):
        highest = random.gumbel(0.0, 1.0, (20_000, n)).max(axis=1)
        assert np.mean(highest > tau_for(n, rule)) < 0.03


def test_tau_needs_a_hundred_windows() -> None:
    with pytest.raises(InvalidRequest, match="100"):
        fit_tau([[0.0] * 99])


@pytest.mark.parametrize(
    ("n", "tau"),
    [(1, 1.0), (2, 1.5), (4, 2.0), (8, 3.5), (16, 5.0), (32, 6.0), (64, 7.0)],
)
def test_tau_is_linear_in_the_log_of_the_count_within_and_beyond_the_table(
    n: int, tau: float
) -> None:
    rule = PartialRule(tau=((1, 1.0), (4, 2.0), (16, 5.0)), clearly_bonafide=-1.0)
    assert tau_for(n, rule) == pytest.approx(tau)


@given(st.integers(1, 5_000))
def test_tau_is_never_below_the_threshold(n: int) -> None:
    rule = PartialRule(tau=((1, -4.0), (2, -3.5)), clearly_bonafide=-1.0)
    assert tau_for(n, rule) >= 0.0
