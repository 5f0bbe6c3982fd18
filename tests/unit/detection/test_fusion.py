import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from veravox.detection.card import FileFusion
from veravox.detection.fusion import file_llr, fit_fusion
from veravox.errors import InvalidRequest

LLRS = st.floats(-20.0, 20.0)
WEIGHTS = st.floats(-3.0, 3.0)
FUSIONS = st.builds(
    FileFusion, top_fifth=WEIGHTS, minimum=WEIGHTS, deviation=WEIGHTS, log_count=WEIGHTS
)


@given(LLRS, FUSIONS)
def test_the_llr_of_one_window_is_the_files(llr: float, fusion: FileFusion) -> None:
    assert file_llr([llr], fusion) == pytest.approx(llr)


@given(st.lists(LLRS, min_size=1, max_size=20), FUSIONS)
def test_the_order_of_windows_does_not_matter(llrs: list[float], fusion: FileFusion) -> None:
    assert file_llr(sorted(llrs), fusion) == pytest.approx(file_llr(llrs, fusion))


@given(st.lists(LLRS, min_size=1, max_size=20))
def test_more_of_the_same_is_no_more_evidence(llrs: list[float]) -> None:
    assert file_llr(llrs * 3, FileFusion()) == pytest.approx(file_llr(llrs, FileFusion()), abs=1e-9)


def test_a_file_llr_adds_its_weighted_terms_to_the_mean() -> None:
    # Mean 1; top fifth of six windows: the highest two, 4; minimum -1; the deviations
    # -2 -2 -1 -1 3 3 have the squares' sum 28.
    llrs = [-1.0, -1.0, 0.0, 0.0, 4.0, 4.0]
    fusion = FileFusion(top_fifth=0.5, minimum=0.25, deviation=0.1, log_count=-0.2)
    expected = 1.0 + 0.5 * 3.0 + 0.25 * -2.0 + 0.1 * math.sqrt(28 / 6) - 0.2 * math.log(6)
    assert file_llr(llrs, fusion) == pytest.approx(expected)


@given(st.integers(12, 3_000))
def test_a_long_recording_is_not_suspect_for_its_length(windows: int) -> None:
    fusion = FileFusion(log_count=0.7)
    assert file_llr([-2.0] * windows, fusion) == pytest.approx(file_llr([-2.0] * 12, fusion))


def test_the_fit_learns_that_a_few_high_windows_betray_a_spoof() -> None:
    random = np.random.default_rng(3)
    bonafide = random.normal(-1.0, 0.5, (60, 10))
    spoofed = random.normal(-1.0, 0.5, (60, 10))
    spoofed[:, :2] += 2.5
    recordings = [row.tolist() for row in (*bonafide, *spoofed)]
    spoof = [False] * 60 + [True] * 60
    fitted = fit_fusion(recordings, spoof)

    def errors(fusion: FileFusion) -> int:
        calls = [file_llr(recording, fusion) > 0 for recording in recordings]
        return sum(call != truth for call, truth in zip(calls, spoof, strict=True))

    assert errors(FileFusion()) == 60
    assert errors(fitted) <= 2


def test_a_fit_on_single_windows_is_the_plain_mean() -> None:
    fusion = fit_fusion([[1.0], [-1.0], [2.0]], [True, False, True])
    assert fusion == FileFusion()


def test_a_fit_needs_both_classes() -> None:
    with pytest.raises(InvalidRequest):
        fit_fusion([[1.0], [2.0]], [True, True])
