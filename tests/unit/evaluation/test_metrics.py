import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from veravox.evaluation import metrics
from veravox.evaluation.metrics import Labels, Metric, MissingClass, Scores

# Three bona fide at -2, -1, 0.5 and three spoofs at -0.5, 1, 2. On the hull lie, as (APCER, BPCER),
# (0, 1), (0, 1/3), (1/3, 0), (1, 0); the middle two recordings are pooled.
SCORES: Scores = np.array([-2.0, -1.0, 0.5, -0.5, 1.0, 2.0])
SPOOF: Labels = np.array([False, False, False, True, True, True])

TWO_CLASS: dict[str, Metric] = {
    "eer": metrics.eer,
    "auc": metrics.auc,
    "min_dcf": metrics.min_dcf,
    "act_dcf": metrics.act_dcf,
    "cllr": metrics.cllr,
    "min_cllr": metrics.min_cllr,
}


def trials(*bonafide_and_spoof: list[float]) -> tuple[Scores, Labels]:
    bonafide, spoof = bonafide_and_spoof
    return (
        np.array([*bonafide, *spoof], dtype=np.float64),
        np.array([False] * len(bonafide) + [True] * len(spoof)),
    )


# Quarters collide often, so that ties are common.
QUARTERS = st.integers(-40, 40).map(lambda quarters: quarters / 4)
TRIALS = st.builds(
    trials,
    st.lists(QUARTERS, min_size=1, max_size=30),
    st.lists(QUARTERS, min_size=1, max_size=30),
)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("eer", 1 / 6),
        ("auc", 8 / 9),
        ("min_dcf", 1 / 3),
        ("act_dcf", 1 / 3),
        ("min_cllr", 1 / 3),
    ],
)
def test_metrics_have_the_values_worked_out_by_hand(name: str, value: float) -> None:
    assert TWO_CLASS[name](SCORES, SPOOF) == pytest.approx(value)


def test_cllr_of_llrs_of_three_to_one_is_log2_of_four_thirds() -> None:
    scores, spoof = trials([-math.log(3)] * 2, [math.log(3)] * 5)
    assert metrics.cllr(scores, spoof) == pytest.approx(math.log2(4 / 3))


def test_scores_that_say_nothing_cost_one_bit() -> None:
    scores, spoof = trials([0.0] * 3, [0.0] * 7)
    assert metrics.cllr(scores, spoof) == pytest.approx(1.0)
    assert metrics.min_cllr(scores, spoof) == pytest.approx(1.0)


def test_the_two_errors_are_told_apart() -> None:
    # At 0 one spoof of four is accepted, and two bona fide of five are rejected.
    scores, spoof = trials([-3.0, -2.0, -1.0, 1.0, 2.0], [-1.0, 1.0, 2.0, 3.0])
    assert metrics.apcer(scores, spoof, 0.0) == 1 / 4
    assert metrics.bpcer(scores, spoof, 0.0) == 2 / 5
    assert metrics.accuracy(scores, spoof, 0.0) == 6 / 9


def test_a_score_at_the_threshold_is_spoofed() -> None:
    scores, spoof = trials([0.0], [0.0])
    assert metrics.apcer(scores, spoof, 0.0) == 0.0
    assert metrics.bpcer(scores, spoof, 0.0) == 1.0


def test_accepting_all_spoofs_costs_less_than_rejecting_all_bona_fide() -> None:
    # Cmiss (1 - pi) = 0.95 against Cfa pi = 0.5: the cheap default accepts everything, cost 1.
    never = trials([-9.0, -9.0], [-9.0, -9.0])
    always = trials([9.0, 9.0], [9.0, 9.0])
    assert metrics.act_dcf(*never) == pytest.approx(1.0)
    assert metrics.act_dcf(*always) == pytest.approx(0.95 / 0.5)
    assert metrics.min_dcf(*always) == pytest.approx(1.0)


@pytest.mark.parametrize(("llr", "cost"), [(math.log(1.9) - 0.01, 1.0), (math.log(1.9), 0.0)])
def test_the_bayes_threshold_asks_for_odds_of_nineteen_to_ten(llr: float, cost: float) -> None:
    assert metrics.act_dcf(*trials([-9.0], [llr])) == pytest.approx(cost)


def test_separated_classes_cost_nothing() -> None:
    scores, spoof = trials([-2.0, -1.0], [1.0, 2.0])
    assert metrics.eer(scores, spoof) == 0.0
    assert metrics.auc(scores, spoof) == 1.0
    assert metrics.min_dcf(scores, spoof) == 0.0
    assert metrics.min_cllr(scores, spoof) == 0.0


def test_equal_scores_count_half_in_the_auc_and_are_a_coin_flip_in_the_eer() -> None:
    scores, spoof = trials([0.0, 0.0, 0.0], [0.0])
    assert metrics.auc(scores, spoof) == 0.5
    assert metrics.eer(scores, spoof) == 0.5


def test_the_order_of_equal_scores_does_not_matter() -> None:
    # Two spoofs and a bona fide recording share the score 1.
    scores, spoof = trials([0.0, 1.0], [1.0, 1.0])
    assert metrics.auc(scores, spoof) == pytest.approx(0.75)
    assert metrics.eer(scores, spoof) == pytest.approx(1 / 3)
    assert metrics.eer(scores[::-1], spoof[::-1]) == pytest.approx(1 / 3)


def test_the_eer_of_gaussians_is_the_known_one() -> None:
    random = np.random.default_rng(4)
    scores, spoof = trials(
        random.normal(-1, 1, 20_000).tolist(), random.normal(1, 1, 20_000).tolist()
    )
    assert metrics.eer(scores, spoof) == pytest.approx(0.1587, abs=0.005)
    assert metrics.auc(scores, spoof) == pytest.approx(0.9214, abs=0.005)
    assert metrics.min_cllr(2 * scores, spoof) == pytest.approx(
        metrics.cllr(2 * scores, spoof), abs=0.01
    )


def test_the_det_curve_runs_from_calling_all_spoofed_to_calling_none() -> None:
    rates = metrics.det_curve(SCORES, SPOOF)
    assert rates.apcer == pytest.approx([0, 0, 0, 1 / 3, 1 / 3, 2 / 3, 1])
    assert rates.bpcer == pytest.approx([1, 2 / 3, 1 / 3, 1 / 3, 0, 0, 0])


def test_selective_error_is_the_share_of_wrong_calls() -> None:
    called, spoof = np.array([True, True, False, False]), np.array([True, False, False, False])
    assert metrics.selective_error(called, spoof) == 0.25


def test_coverage_is_the_share_of_decided_recordings() -> None:
    assert metrics.coverage(3, 4) == 0.75


@pytest.mark.parametrize("name", TWO_CLASS)
@pytest.mark.parametrize("spoof", [[True, True], [False, False], []])
def test_a_metric_of_two_classes_is_undefined_without_both(name: str, spoof: list[bool]) -> None:
    with pytest.raises(MissingClass):
        TWO_CLASS[name](np.zeros(len(spoof)), np.array(spoof, dtype=np.bool_))


def test_an_error_rate_is_undefined_without_its_class() -> None:
    bonafide, spoofed = trials([1.0], []), trials([], [1.0])
    assert metrics.bpcer(*bonafide, 0.0) == 1.0
    assert metrics.apcer(*spoofed, 0.0) == 0.0
    with pytest.raises(MissingClass, match="spoof"):
        metrics.apcer(*bonafide, 0.0)
    with pytest.raises(MissingClass, match="bona fide"):
        metrics.bpcer(*spoofed, 0.0)
    with pytest.raises(MissingClass):
        metrics.accuracy(*trials([], []), 0.0)
    with pytest.raises(MissingClass):
        metrics.selective_error(np.zeros(0, np.bool_), np.zeros(0, np.bool_))
    with pytest.raises(MissingClass):
        metrics.coverage(0, 0)


@given(TRIALS)
@pytest.mark.parametrize("name", ["eer", "auc", "min_dcf", "min_cllr"])
def test_what_judges_ranking_ignores_any_rising_transform(
    name: str, case: tuple[Scores, Labels]
) -> None:
    scores, spoof = case
    metric = TWO_CLASS[name]
    assert metric(np.exp(scores / 5) - 3, spoof) == pytest.approx(metric(scores, spoof))


@given(TRIALS)
@pytest.mark.parametrize("name", ["eer", "auc", "cllr", "min_cllr"])
def test_what_treats_classes_alike_does_not_mind_their_exchange(
    name: str, case: tuple[Scores, Labels]
) -> None:
    scores, spoof = case
    metric = TWO_CLASS[name]
    assert metric(-scores, ~spoof) == pytest.approx(metric(scores, spoof))


@given(TRIALS)
def test_turning_the_scores_round_turns_the_auc_round(case: tuple[Scores, Labels]) -> None:
    scores, spoof = case
    assert metrics.auc(-scores, spoof) == pytest.approx(1 - metrics.auc(scores, spoof))


@given(TRIALS)
def test_metrics_stay_in_their_bounds(case: tuple[Scores, Labels]) -> None:
    tiny = 1e-9
    assert 0 <= metrics.eer(*case) <= 0.5 + tiny
    assert 0 <= metrics.auc(*case) <= 1
    assert 0 <= metrics.min_dcf(*case) <= 1 + tiny
    assert 0 <= metrics.min_cllr(*case) <= 1 + tiny
    assert metrics.min_dcf(*case) <= metrics.act_dcf(*case) + tiny
    assert metrics.min_cllr(*case) <= metrics.cllr(*case) + tiny


@given(TRIALS)
def test_the_hull_lies_on_or_below_every_operating_point(case: tuple[Scores, Labels]) -> None:
    curve, hull = metrics.det_curve(*case), metrics.convex_hull(*case)
    below = np.interp(curve.bpcer, hull.bpcer[::-1], hull.apcer[::-1])
    inside = (curve.bpcer > 0) & (curve.bpcer < 1)
    assert np.all(below[inside] <= curve.apcer[inside] + 1e-9)


@given(TRIALS, QUARTERS)
def test_accuracy_agrees_with_the_two_errors(case: tuple[Scores, Labels], threshold: float) -> None:
    scores, spoof = case
    wrong = (
        metrics.apcer(scores, spoof, threshold) * spoof.sum()
        + metrics.bpcer(scores, spoof, threshold) * (~spoof).sum()
    )
    assert metrics.accuracy(scores, spoof, threshold) == pytest.approx(1 - wrong / spoof.size)
