import math

import pytest

from tests.analysis_factory import GOOD, make_analysis
from tests.model_factory import make_card
from tests.report_factory import HARD, make_report, rated_card
from veravox.analysis import ChannelAnalysis
from veravox.detection.card import MetricTable
from veravox.detection.verdict import Reason, Result, Verdict
from veravox.reports.words import clock, percent, support


def told(*llrs: float | None, **changes: object) -> str:
    return " ".join(make_report(make_analysis(*llrs, **changes)).verdict.explanation)


SCALE = [
    (1.5, "no"),
    (2, "weak"),
    (10, "moderate"),
    (100, "moderately strong"),
    (1e3, "strong"),
    (1e4, "very strong"),
    (1e6, "extremely strong"),
]


@pytest.mark.parametrize(("ratio", "word"), SCALE)
def test_the_verbal_scale_is_that_of_enfsi(ratio: float, word: str) -> None:
    assert support(ratio) == word


def test_a_ratio_is_told_with_two_digits_and_its_word() -> None:
    text = told(math.log(23.4))
    assert "about 23 times more probable if the speech is synthetic than if it is genuine" in text
    assert "moderate support for synthetic speech" in text
    assert "about 23 times more probable if the speech is genuine" in told(-math.log(23.4))


def test_no_ratio_is_told_beyond_the_number_of_recordings_in_the_hardest_test() -> None:
    text = told(9.0)
    assert "at least 50 times more probable" in text
    assert "moderate support" in text
    assert "at least 40 times more probable if the speech is genuine" in told(-9.0)


def test_the_error_rates_are_those_of_the_hardest_test() -> None:
    text = told(3.0)
    assert "(hard)" in text
    assert "18.0 % of the genuine recordings were called spoofed" in text
    assert "22.0 % of the synthetic ones were missed" in text


def test_the_cost_of_the_ratios_is_told_where_it_is_known() -> None:
    rows = {"all": HARD | {"cllr": 0.93}}
    card = rated_card(metrics={"hard": MetricTable(command="none", rows=rows)})
    report = make_report(make_analysis(3.0), card)
    assert "cost 0.93 bits there" in " ".join(report.verdict.explanation)
    assert "bits there" not in told(3.0)


def test_of_split_channels_the_verdict_names_its_own() -> None:
    verdicts = Verdict(-4.0, Result.BONAFIDE, None), Verdict(4.0, Result.SPOOFED, None)
    channels = tuple(ChannelAnalysis(n, GOOD, (), verdict) for n, verdict in enumerate(verdicts))
    text = told(4.0, verdict=verdicts[1], channels=channels)
    assert "This is the verdict on channel 1" in text
    assert "judged apart" not in told(4.0)


def test_a_card_without_error_rates_is_said_to_have_none() -> None:
    report = make_report(make_analysis(3.0), make_card())
    assert "The model's card states no error rates." in report.verdict.explanation


def test_bona_fide_is_never_called_proven() -> None:
    assert "This is not proof that the recording is genuine." in told(-3.0)


@pytest.mark.parametrize("reason", Reason)
def test_without_a_verdict_the_reason_is_told_and_no_ratio(reason: Reason) -> None:
    report = make_report(make_analysis(0.1, verdict=Verdict(0.1, None, reason)))
    text = " ".join(report.verdict.explanation)
    assert report.verdict.headline.startswith("No verdict")
    assert "unknown, never as genuine" in text
    assert "times more probable" not in text
    assert report.verdict.posteriors == []


def test_a_partial_spoof_is_told_by_its_windows() -> None:
    verdict = Verdict(0.0, Result.PARTIALLY_SPOOFED, None)
    report = make_report(make_analysis(-4.0, -4.0, 5.0, 5.0, verdict=verdict))
    text = " ".join(report.verdict.explanation)
    assert "2 of them are called spoofed" in text
    assert "times more probable" not in text
    assert report.verdict.posteriors == []


def test_another_threshold_than_the_models_is_told() -> None:
    assert "90.0 % was chosen by the sender" in told(3.0, threshold=0.9)
    assert "chosen by the sender" not in told(3.0)


def test_shares_are_not_rounded_to_certainty() -> None:
    assert percent(0.9999) == "above 99.9 %"
    assert percent(0.0001) == "below 0.1 %"
    assert (percent(0.0), percent(0.123), percent(1.0)) == ("0.0 %", "12.3 %", "100.0 %")


def test_positions_are_told_as_on_a_clock() -> None:
    assert [clock(s) for s in (0.0, 59.96, 754.25, 3_600.0)] == [
        "0:00.0",
        "1:00.0",
        "12:34.2",
        "1:00:00.0",
    ]
