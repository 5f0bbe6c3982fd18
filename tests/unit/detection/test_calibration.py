import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from veravox.detection.calibration import (
    calibrated,
    fit_calibration,
    spoof_probability,
    threshold_llr,
)
from veravox.detection.card import Calibration
from veravox.errors import InvalidRequest


@pytest.mark.parametrize(
    ("llr", "prior", "probability"),
    [
        (0.0, 0.5, 0.5),
        (math.log(9), 0.5, 0.9),
        (-math.log(9), 0.5, 0.1),
        (0.0, 0.1, 0.1),
        (math.log(9), 0.1, 0.5),
        (1000.0, 0.5, 1.0),
        (-1000.0, 0.5, 0.0),
    ],
)
def test_a_probability_is_the_posterior_of_the_llr(
    llr: float, prior: float, probability: float
) -> None:
    assert spoof_probability(llr, prior) == pytest.approx(probability)


@given(st.floats(0.001, 0.999))
def test_the_threshold_llr_has_the_threshold_as_its_probability(threshold: float) -> None:
    assert spoof_probability(threshold_llr(threshold)) == pytest.approx(threshold)


def test_thresholds_of_zero_and_one_are_infinitely_far() -> None:
    assert threshold_llr(0.0) == -math.inf
    assert threshold_llr(1.0) == math.inf


def test_calibration_is_affine() -> None:
    assert calibrated(3.0, Calibration(slope=2.0, intercept=-1.0)) == 5.0


@pytest.mark.parametrize("n_spoof", [4_000, 400])
def test_the_fit_finds_the_true_llr_whatever_the_class_balance(n_spoof: int) -> None:
    # Unit-variance Gaussians at +-1, seen as 3x + 4, have the LLR 2x.
    random = np.random.default_rng(5)
    bonafide = random.normal(-1.0, 1.0, 4_000) * 3 + 4
    spoofed = random.normal(1.0, 1.0, n_spoof) * 3 + 4
    fitted = fit_calibration(
        [*bonafide.tolist(), *spoofed.tolist()], [False] * 4_000 + [True] * n_spoof
    )
    assert fitted.slope == pytest.approx(2 / 3, rel=0.1)
    assert fitted.intercept == pytest.approx(-8 / 3, rel=0.1)


@given(st.floats(0.01, 100.0), st.floats(-100.0, 100.0))
def test_the_fit_undoes_any_scale_and_offset(scale: float, offset: float) -> None:
    logits = [-2.0, -1.0, 0.5, 1.0, -0.5, 2.0, 3.0]
    spoof = [False, False, False, True, True, True, True]
    plain = fit_calibration(logits, spoof)
    moved = fit_calibration([scale * logit + offset for logit in logits], spoof)
    for logit in logits:
        assert calibrated(scale * logit + offset, moved) == pytest.approx(
            calibrated(logit, plain), abs=1e-3
        )


def test_a_weight_of_two_is_as_good_as_another_example_alike() -> None:
    generator = np.random.default_rng(5)
    spoof = generator.random(4_000) < 0.5
    logits = generator.normal(np.where(spoof, 1.0, -1.0), 1.0)
    twice = generator.random(spoof.size) < 0.3

    weighted = fit_calibration(logits.tolist(), spoof.tolist(), np.where(twice, 2.0, 1.0).tolist())
    repeated = fit_calibration(
        [*logits.tolist(), *logits[twice].tolist()], [*spoof.tolist(), *spoof[twice].tolist()]
    )

    assert weighted.slope == pytest.approx(repeated.slope, rel=1e-2)
    assert weighted.intercept == pytest.approx(repeated.intercept, abs=1e-2)


def test_perfectly_separated_classes_give_a_finite_calibration() -> None:
    fitted = fit_calibration([-2.0, -1.0, 1.0, 2.0], [False, False, True, True])
    assert 0 < fitted.slope < 10
    assert fitted.intercept == pytest.approx(0.0, abs=1e-6)


def test_scores_of_the_wrong_direction_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="do not separate"):
        fit_calibration([2.0, 1.0, -1.0, -2.0], [False, False, True, True])


def test_scores_without_information_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="do not separate"):
        fit_calibration([1.0, 1.0, 1.0, 1.0], [False, False, True, True])


@pytest.mark.parametrize("spoof", [[True, True], [False, False], []])
def test_a_fit_needs_both_classes(spoof: list[bool]) -> None:
    with pytest.raises(InvalidRequest):
        fit_calibration([0.0] * len(spoof), spoof)
