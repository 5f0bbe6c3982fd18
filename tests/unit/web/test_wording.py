"""Verdicts in words."""

import pytest

from veravox.detection.models import ModelRegistry
from veravox.detection.verdict import Reason, Result, Segment, Verdict
from veravox.web import wording
from veravox.web.rendering import clock, page, percent


def segment(index: int, llr: float | None, result: Result | None, **times: float) -> Segment:
    start = times.get("start", 5.0 * index)
    return Segment(index, start, times.get("end", start + 5.0), 0.1, llr, result)


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_for_no_verdict_is_explained_with_what_helps(reason: Reason):
    told = wording.plain_verdict(Verdict(None, None, reason))
    assert (told.title, told.tone) == ("No verdict", "none")
    assert told.meaning
    assert told.advice


@pytest.mark.parametrize("result", Result)
def test_every_result_has_words_of_its_own(result: Result):
    told = wording.plain_verdict(Verdict(0.0, result, None))
    assert told.title == wording.short_verdict(result)
    assert told.tone == result


def test_the_hardest_test_of_the_shipped_model_is_the_one_that_is_told():
    card = ModelRegistry().card()
    errors = wording.known_errors(card)
    rates = [t.rows["all"] for t in card.metrics.values() if "apcer" in t.rows.get("all", {})]
    assert errors is not None
    assert errors.missed + errors.false_alarms == max(r["apcer"] + r["bpcer"] for r in rates)
    assert errors.name in card.metrics


def test_neighbouring_synthetic_segments_are_one_stretch():
    spoofed, genuine = Result.SPOOFED, Result.BONAFIDE
    results = [spoofed, spoofed, genuine, spoofed]
    segments = [segment(i, 0.0, result) for i, result in enumerate(results)]
    stretches = wording.synthetic_stretches(segments)
    assert [(s.start, s.end) for s in stretches] == [(0.0, 10.0), (15.0, 20.0)]


def test_a_last_segment_that_slid_back_takes_up_only_what_is_new():
    segments = [segment(0, 0.0, Result.SPOOFED), segment(1, 9.0, Result.SPOOFED, start=1.0)]
    shown = wording.plain_segments(segments, 0.5)
    assert [s.span for s in shown] == [5.0, 1.0]
    assert [s.shade for s in shown] == [5, 9]
    assert sum(s.span for s in shown) == segments[-1].end


def test_a_segment_that_was_not_judged_has_no_colour():
    (shown,) = wording.plain_segments([Segment(0, 0.0, 5.0, 1.0, reason=Reason.SILENCE)], 0.5)
    assert (shown.shade, shown.probability, shown.label) == (None, None, "not judged: silence")


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "under 0.1 %"), (0.0004, "under 0.1 %"), (0.5, "50.0 %"), (0.99951, "over 99.9 %")],
)
def test_a_probability_is_never_told_as_certainty(share: float, text: str):
    assert percent(share) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0:00"), (59.96, "1:00"), (65.4, "1:05.4"), (3600.0, "1:00:00"), (3725.5, "1:02:05.5")],
)
def test_times_are_told_as_on_a_clock(seconds: float, text: str):
    assert clock(seconds) == text


def test_text_in_a_page_is_never_markup():
    context = {"title": "<b>", "message": "<script>", "visitor": None, "section": ""}
    html = bytes(page("error.html", None, context).body).decode()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
