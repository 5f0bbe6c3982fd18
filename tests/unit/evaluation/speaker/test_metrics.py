import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from veravox.evaluation.metrics import MissingClass
from veravox.evaluation.speaker.metrics import (
    a_dcf,
    false_match_rate,
    false_non_match_rate,
    min_dcf,
)

SCORES = np.array([-2.0, -1.0, 0.5, 1.0, 3.0, -3.0, 0.8, 2.0])
TARGET = np.array([False, False, False, False, True, False, True, True])


def test_the_two_errors_count_trials_on_the_wrong_side() -> None:
    assert false_match_rate(SCORES, TARGET, 0.9) == pytest.approx(1 / 5)
    assert false_non_match_rate(SCORES, TARGET, 0.9) == pytest.approx(1 / 3)
    assert false_match_rate(SCORES, TARGET, 1.0) == pytest.approx(1 / 5)


def test_min_dcf_is_the_best_trade_off_of_the_two() -> None:
    assert min_dcf(SCORES, TARGET) == pytest.approx(1 / 3)


def test_perfect_scores_cost_nothing() -> None:
    assert min_dcf(np.array([-1.0, 1.0]), np.array([False, True])) == 0.0


def test_a_dcf_weighs_misses_matches_and_spoofs_as_published() -> None:
    accepted = np.array([True, False, True, False, True, False])
    target = np.array([True, True, False, False, False, False])
    spoof = np.array([False, False, False, False, True, True])
    cost = 0.9405 * 1 / 2 + 10 * 0.0095 * 1 / 2 + 10 * 0.05 * 1 / 2
    assert a_dcf(accepted, target, spoof) == pytest.approx(cost / (10 * 0.0095 + 10 * 0.05))


@pytest.mark.parametrize(("accept", "cost"), [(True, 1.0), (False, 0.9405 / 0.595)])
def test_deciding_all_the_same_way_costs_at_least_one(accept: bool, cost: float) -> None:
    target = np.array([True, False, False])
    spoof = np.array([False, False, True])
    assert a_dcf(np.full(3, accept), target, spoof) == pytest.approx(cost)


@given(st.lists(st.tuples(st.booleans(), st.sampled_from("tns")), min_size=3))
def test_rejecting_a_spoof_never_costs_more(trials: list[tuple[bool, str]]) -> None:
    accepted = np.array([decision for decision, _ in trials])
    labels = np.array([label for _, label in trials])
    if set(labels) != set("tns"):
        return
    stricter = accepted & (labels != "s")
    target, spoof = labels == "t", labels == "s"
    assert a_dcf(stricter, target, spoof) <= a_dcf(accepted, target, spoof)


def test_a_missing_class_is_an_error() -> None:
    with pytest.raises(MissingClass, match="target"):
        false_non_match_rate(np.array([1.0]), np.array([False]), 0.0)
    with pytest.raises(MissingClass, match="spoof"):
        a_dcf(np.array([True, False]), np.array([True, False]), np.array([False, False]))
