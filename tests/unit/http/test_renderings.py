"""What each dialect makes of the same analysis."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.analysis_factory import GOOD, make_analysis
from veravox.analysis import Analysis
from veravox.detection.calibration import spoof_probability
from veravox.detection.verdict import Reason, Result, Verdict
from veravox.http.dialects import aurigin_v0, aurigin_v1, neural_defend
from veravox.predictions import Prediction, Status

FAKE = "Suspected AI-Generated (or Suspected AI-Manipulated)"


def kept(analysis: Analysis | None, warnings: tuple[str, ...] = ()) -> Prediction:
    return Prediction(
        id="pred_000000000001",
        status=Status.PROCESSING if analysis is None else Status.COMPLETED,
        created_at=datetime(2026, 1, 2, tzinfo=UTC),
        model="stable-latest",
        device=None,
        warnings=warnings,
        analysis=analysis,
    )


def test_v1_shows_probabilities_at_even_odds() -> None:
    body = aurigin_v1.render(kept(make_analysis(2.0, 3.0)))
    assert body.verdict.score == pytest.approx(spoof_probability(2.5), abs=1e-6)
    assert body.segments[0].scores == [pytest.approx(spoof_probability(2.0), abs=1e-6)]


def test_v1_at_one_half_has_twice_the_distance_as_confidence() -> None:
    body = aurigin_v1.render(kept(make_analysis(-1.0)))
    distance = abs(spoof_probability(-1.0) - 0.5)
    assert body.segments[0].confidence == pytest.approx(2 * distance, abs=1e-6)


@given(
    llrs=st.lists(st.none() | st.floats(-50, 50), min_size=1, max_size=20),
    threshold=st.sampled_from([0.0, 1.0]) | st.floats(0, 1),
)
def test_v1_numbers_stay_between_0_and_1(llrs: list[float | None], threshold: float) -> None:
    body = aurigin_v1.render(kept(make_analysis(*llrs, threshold=threshold)))
    shares = [body.verdict.score, body.verdict.confidence]
    for segment in body.segments:
        shares += [segment.confidence, *segment.scores]
        assert (segment.result is None) == (segment.scores == []) == (segment.reason is not None)
    assert all(share is None or 0.0 <= share <= 1.0 for share in shares)


def test_v1_without_a_scored_segment_has_neither_score_nor_confidence() -> None:
    body = aurigin_v1.render(kept(make_analysis(None, None)))
    assert body.verdict.score is None
    assert body.verdict.confidence is None
    assert body.verdict.reason == "No speech detected"


def test_v1_warns_of_the_request_before_the_recording() -> None:
    analysis = make_analysis(1.0, None, warnings=("1 of 2 segments skipped due to silence",))
    body = aurigin_v1.render(kept(analysis, warnings=("Unknown device",)))
    assert body.warnings == ["Unknown device", "1 of 2 segments skipped due to silence"]


def test_v1_shows_a_prediction_in_progress_without_a_result() -> None:
    body = aurigin_v1.render_stored(kept(None)).model_dump(exclude_unset=True)
    assert body["status"] == "processing"
    assert body["progress"] == 0.0
    assert "verdict" not in body


@given(st.lists(st.none() | st.floats(-50, 50), min_size=1, max_size=20))
def test_v0_lists_are_parallel(llrs: list[float | None]) -> None:
    body = aurigin_v0.render(make_analysis(*llrs))
    assert len(body.predictions) == len(body.global_probability) == len(body.error) == len(llrs)
    for llr, label, share, error in zip(
        llrs, body.predictions, body.global_probability, body.error, strict=True
    ):
        if llr is None:
            assert (label, share, error) == (None, None, "Silence")
        else:
            assert error is None
            assert label == ("fake" if spoof_probability(llr) >= 0.5 else "real")
            assert share is not None
            assert 0.5 <= share <= 1.0


@pytest.mark.parametrize(("llr", "prediction"), [(3.0, FAKE), (-3.0, "Real Audio"), (0.0, FAKE)])
def test_neural_defend_is_confident_in_the_label_it_states(llr: float, prediction: str) -> None:
    conclusion = neural_defend.conclude(make_analysis(llr), "label")
    assert conclusion.prediction == prediction
    assert conclusion.confidence == pytest.approx(spoof_probability(abs(llr)))


def test_neural_defend_can_state_authenticity_instead() -> None:
    conclusion = neural_defend.conclude(make_analysis(3.0), "authenticity")
    assert conclusion.prediction == FAKE
    assert conclusion.confidence == pytest.approx(1.0 - spoof_probability(3.0))


def test_neural_defend_suspects_a_recording_that_is_spoofed_in_part() -> None:
    verdict = Verdict(-1.0, Result.PARTIALLY_SPOOFED, None)
    conclusion = neural_defend.conclude(make_analysis(-3, -3, 4, 5, verdict=verdict), "label")
    assert conclusion.prediction == FAKE
    assert conclusion.confidence == pytest.approx(spoof_probability(5))


@pytest.mark.parametrize("llr", [0.2, -0.2])
def test_neural_defend_states_an_uncertain_label_with_its_low_confidence(llr: float) -> None:
    verdict = Verdict(llr, None, Reason.UNCERTAIN)
    conclusion = neural_defend.conclude(make_analysis(llr, verdict=verdict), "label")
    assert conclusion.message == "Analysis completed successfully"
    assert conclusion.confidence == pytest.approx(spoof_probability(0.2))


@pytest.mark.parametrize(
    ("reason", "message", "prediction"),
    [
        (Reason.NO_SPEECH, "No speech content detected for analysis", None),
        (
            Reason.TOO_LITTLE_SPEECH,
            "Audio duration too short for reliable analysis",
            "Insufficient Data",
        ),
    ],
)
def test_neural_defend_without_enough_speech_has_no_confidence(
    reason: Reason, message: str, prediction: str | None
) -> None:
    verdict = Verdict(None, None, reason)
    conclusion = neural_defend.conclude(make_analysis(None, verdict=verdict), "label")
    assert conclusion == neural_defend.Conclusion(message, prediction)


def test_neural_defend_scales_confidence_by_quality() -> None:
    noisy = replace(GOOD, snr_db=10.0)
    verdict = Verdict(3.0, None, Reason.POOR_QUALITY)
    conclusion = neural_defend.conclude(make_analysis(3.0, verdict=verdict, quality=noisy), "label")
    assert conclusion.message.startswith("Analysis completed with reduced confidence")
    assert conclusion.confidence == pytest.approx(0.5 * spoof_probability(3.0))


@given(
    snr=st.none() | st.floats(-100, 100),
    bandwidth=st.floats(0, 8_000),
    clipping=st.floats(0, 1),
)
def test_the_quality_factor_never_raises_confidence_nor_takes_it_all(
    snr: float | None, bandwidth: float, clipping: float
) -> None:
    quality = replace(GOOD, snr_db=snr, bandwidth_hz=bandwidth, clipping_ratio=clipping)
    assert 0.25 <= neural_defend.quality_factor(quality) <= 1.0
