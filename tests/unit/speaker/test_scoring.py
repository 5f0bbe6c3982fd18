import math

import numpy as np
import pytest

from veravox.speaker.card import Calibration
from veravox.speaker.scoring import llr, match_probability, normalised


def test_s_norm_is_the_mean_of_both_standardised_scores() -> None:
    reference = np.array([0.0, 0.2, 0.4, -0.9])
    tested = np.array([0.1, 0.3, -0.5, -0.6])
    expected = 0.5 * ((0.7 - 0.2) / np.std([0.0, 0.2, 0.4]) + (0.7 - 0.2) / 0.1)
    tested_top = np.array([0.1, 0.3])
    assert tested_top.mean() == pytest.approx(0.2)
    top_three = 0.5 * (
        (0.7 - 0.2) / np.std([0.0, 0.2, 0.4])
        + (0.7 - np.mean([0.1, 0.3, -0.5])) / np.std([0.1, 0.3, -0.5])
    )
    assert normalised(0.7, reference, tested, nearest=3) == pytest.approx(top_three)
    assert normalised(0.7, reference[:3], tested_top, nearest=3) == pytest.approx(expected)


def test_calibration_is_affine_in_the_score_and_in_the_quality() -> None:
    calibration = Calibration(slope=2.0, intercept=-3.0, speech=1.5, noise=0.5)
    assert llr(2.0, 4.0, 30.0, calibration) == pytest.approx(1.0)
    assert llr(2.0, 8.0, 30.0, calibration) == pytest.approx(1.0 + 1.5 * math.log(2.0))
    assert llr(2.0, 4.0, 0.0, calibration) == pytest.approx(0.0)
    assert llr(2.0, 4.0, None, calibration) == pytest.approx(1.0)


def test_the_probability_of_a_match_is_a_half_at_the_threshold() -> None:
    assert match_probability(2.5, 2.5) == pytest.approx(0.5)
    assert match_probability(2.5 + math.log(9.0), 2.5) == pytest.approx(0.9)
