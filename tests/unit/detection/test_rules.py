import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.model_factory import make_card
from veravox.audio.recording import Quality
from veravox.detection.calibration import spoof_probability, threshold_llr
from veravox.detection.card import FileFusion, ModelCard, PartialRule
from veravox.detection.rules import confidence, decide, overall_confidence, skip_reason
from veravox.detection.verdict import Reason, Result, Segment, Verdict

# Of the card: indecision between -0.5 and 0.5, clearly bona fide at -1, and at least 1.0 s of
# speech, 5 dB and 3 kHz.
CARD = make_card(partial=PartialRule(tau=((1, 1.0), (4, 2.0), (16, 3.0)), clearly_bonafide=-1.0))
GOOD = Quality(
    snr_db=25.0, clipping_ratio=0.0, bandwidth_hz=7_800.0, level_dbfs=-26.0, net_speech=12.0
)
LLRS = st.floats(-8.0, 8.0)


def segments(*llrs: float | None) -> tuple[Segment, ...]:
    """Windows of 5 s with these LLRs; None is one that was skipped as silent."""
    return tuple(
        Segment(
            index=i,
            start=5.0 * i,
            end=5.0 * i + 5.0,
            silence=0.1 if llr is not None else 1.0,
            spoof_llr=llr,
            reason=None if llr is not None else Reason.SILENCE,
        )
        for i, llr in enumerate(llrs)
    )


def verdict(
    *llrs: float | None, quality: Quality = GOOD, card: ModelCard = CARD, threshold: float = 0.5
) -> Verdict:
    return decide(segments(*llrs), quality, card, threshold)[1]


def results(*llrs: float | None, threshold: float = 0.5) -> list[Result | None]:
    return [s.result for s in decide(segments(*llrs), GOOD, CARD, threshold)[0]]


def test_a_recording_far_above_the_threshold_is_spoofed() -> None:
    assert verdict(3.0, 4.0) == Verdict(3.5, Result.SPOOFED, None)


def test_a_recording_far_below_the_threshold_is_bona_fide() -> None:
    assert verdict(-3.0, -4.0) == Verdict(-3.5, Result.BONAFIDE, None)


@pytest.mark.parametrize("llr", [-0.49, 0.0, 0.49])
def test_a_recording_in_the_indecision_band_keeps_its_score_but_gets_no_result(llr: float) -> None:
    assert verdict(llr) == Verdict(llr, None, Reason.UNCERTAIN)


@pytest.mark.parametrize(("llr", "result"), [(-0.5, Result.BONAFIDE), (0.5, Result.SPOOFED)])
def test_the_edges_of_the_band_are_decided(llr: float, result: Result) -> None:
    assert verdict(llr).result is result


def test_segments_are_decided_at_the_threshold_itself_even_inside_the_band() -> None:
    assert results(-0.1, 0.0, 0.1) == [Result.BONAFIDE, Result.SPOOFED, Result.SPOOFED]


def test_segments_keep_their_order_times_and_scores() -> None:
    given_segments = segments(-3.0, None, -4.0)
    decided, _ = decide(given_segments, GOOD, CARD, 0.5)
    assert [replace(s, result=None) for s in decided] == list(given_segments)


def test_skipped_segments_keep_their_reason_and_do_not_count() -> None:
    decided, concluded = decide(segments(None, -3.0), GOOD, CARD, 0.5)
    assert decided[0].reason is Reason.SILENCE
    assert decided[0].result is None
    assert concluded.spoof_llr == -3.0


def test_windows_are_never_summed() -> None:
    assert verdict(*[0.3] * 50).reason is Reason.UNCERTAIN


def test_the_cards_fusion_makes_the_file_llr() -> None:
    card = make_card(fusion=FileFusion(minimum=1.0))
    assert verdict(3.0, 1.0, card=card).spoof_llr == 1.0


# Abstention


def test_a_recording_without_speech_has_no_verdict() -> None:
    silent = replace(GOOD, net_speech=0.0, snr_db=None)
    assert verdict(None, None, quality=silent) == Verdict(None, None, Reason.NO_SPEECH)


def test_a_recording_with_too_little_speech_keeps_its_score_but_gets_no_result() -> None:
    assert verdict(3.0, quality=replace(GOOD, net_speech=0.9)) == Verdict(
        3.0, None, Reason.TOO_LITTLE_SPEECH
    )


@pytest.mark.parametrize("poor", [{"snr_db": 4.0}, {"bandwidth_hz": 2_500.0}])
def test_a_poor_recording_keeps_its_score_but_gets_no_result(poor: dict[str, float]) -> None:
    decided, concluded = decide(segments(3.0, None), replace(GOOD, **poor), CARD, 0.5)
    assert concluded == Verdict(3.0, None, Reason.POOR_QUALITY)
    assert [s.result for s in decided] == [None, None]
    assert [s.reason for s in decided] == [Reason.POOR_QUALITY, Reason.SILENCE]
    assert decided[0].spoof_llr == 3.0


def test_speech_that_no_window_holds_enough_of_gives_no_verdict() -> None:
    assert verdict(None, None) == Verdict(None, None, Reason.TOO_LITTLE_SPEECH)


# The rule for partly spoofed recordings: tau_4 = 2, tau_16 = 3.


def test_two_spoofed_neighbours_among_bona_fide_windows_are_a_partial_spoof() -> None:
    concluded = verdict(-3.0, 2.1, 2.1, -3.0)
    assert concluded.result is Result.PARTIALLY_SPOOFED
    assert concluded.reason is None


def test_one_spoofed_window_alone_is_not() -> None:
    assert verdict(-3.0, 6.0, -3.0, -3.0).result is Result.BONAFIDE


def test_spoofed_windows_that_are_not_neighbours_are_not() -> None:
    assert verdict(2.1, -3.0, 2.1, -3.0).result is not Result.PARTIALLY_SPOOFED


def test_a_silent_window_between_spoofed_ones_parts_them() -> None:
    assert verdict(2.5, None, 2.5, -3.0, -3.0).result is not Result.PARTIALLY_SPOOFED


def test_one_clearly_bona_fide_window_is_not_enough() -> None:
    assert verdict(2.5, 2.5, 2.5, -3.0).result is Result.SPOOFED


def test_windows_that_are_just_bona_fide_are_not_enough() -> None:
    assert verdict(2.5, 2.5, -0.9, -0.9).result is Result.SPOOFED


def test_a_longer_recording_needs_more_evidence() -> None:
    assert verdict(2.5, 2.5, -3.0, -3.0).result is Result.PARTIALLY_SPOOFED
    assert verdict(2.5, 2.5, *[-3.0] * 14).result is Result.BONAFIDE
    assert verdict(3.1, 3.1, *[-3.0] * 14).result is Result.PARTIALLY_SPOOFED


@given(st.lists(LLRS, min_size=1, max_size=12))
def test_a_partial_spoof_has_segments_of_both_kinds(llrs: list[float]) -> None:
    decided, concluded = decide(segments(*llrs), GOOD, CARD, 0.5)
    if concluded.result is Result.PARTIALLY_SPOOFED:
        kinds = [s.result for s in decided]
        assert kinds.count(Result.SPOOFED) >= 2
        assert kinds.count(Result.BONAFIDE) >= 2


# Thresholds


@given(st.lists(LLRS, min_size=1, max_size=12), st.floats(0.05, 0.95))
def test_another_threshold_acts_as_if_all_scores_had_moved(
    llrs: list[float], threshold: float
) -> None:
    shift = threshold_llr(threshold)
    moved = verdict(*[llr + shift for llr in llrs], threshold=threshold)
    plain = verdict(*llrs)
    near_an_edge = any(
        math.isclose(abs(value), edge, abs_tol=1e-6)
        for value in [*llrs, sum(llrs) / len(llrs)]
        for edge in [0.0, 0.5, 1.0, *(1.0 + math.log(n) / math.log(4) for n in range(1, 13))]
    )
    assert near_an_edge or (moved.result, moved.reason) == (plain.result, plain.reason)


@given(st.lists(LLRS, min_size=1, max_size=12))
def test_at_threshold_zero_everything_is_spoofed(llrs: list[float]) -> None:
    assert verdict(*llrs, threshold=0.0).result is Result.SPOOFED
    assert set(results(*llrs, threshold=0.0)) == {Result.SPOOFED}


@given(st.lists(LLRS, min_size=1, max_size=12))
def test_at_threshold_one_nothing_uncertain_is_spoofed(llrs: list[float]) -> None:
    assert verdict(*llrs, threshold=1.0).result is Result.BONAFIDE
    assert set(results(*llrs, threshold=1.0)) == {Result.BONAFIDE}


@given(st.lists(LLRS | st.none(), min_size=1, max_size=12), st.floats(0.0, 1.0))
def test_a_verdict_has_either_a_result_or_a_reason_and_so_has_each_segment(
    llrs: list[float | None], threshold: float
) -> None:
    decided, concluded = decide(segments(*llrs), GOOD, CARD, threshold)
    assert (concluded.result is None) != (concluded.reason is None)
    assert all((s.result is None) != (s.reason is None) for s in decided)
    assert (concluded.spoof_llr is None) == all(llr is None for llr in llrs)


# Which windows are scored


@pytest.mark.parametrize(
    ("silence", "silence_threshold", "reason"),
    [
        (0.80, 80.0, None),
        (0.81, 80.0, Reason.SILENCE),
        (0.01, 0.0, Reason.SILENCE),
        (0.0, 0.0, None),
        (0.89, 100.0, None),
        (0.91, 100.0, Reason.NO_SPEECH),
        (1.0, 100.0, Reason.NO_SPEECH),
    ],
)
def test_a_window_is_skipped_for_silence_or_for_want_of_half_a_second_of_speech(
    silence: float, silence_threshold: float, reason: Reason | None
) -> None:
    assert skip_reason(silence, 5.0, silence_threshold, CARD.quality) is reason


# Confidence


@pytest.mark.parametrize(
    ("probability", "threshold", "expected"),
    [
        (0.98, 0.5, 0.96),
        (0.02, 0.5, 0.96),
        (0.5, 0.5, 0.0),
        (0.9, 0.8, 0.5),
        (0.2, 0.8, 0.75),
        (0.3, 0.0, 0.3),
        (1.0, 1.0, 0.0),
        (0.25, 1.0, 0.75),
    ],
)
def test_confidence_is_the_share_of_the_way_from_the_threshold(
    probability: float, threshold: float, expected: float
) -> None:
    assert confidence(probability, threshold) == pytest.approx(expected)


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_confidence_lies_between_zero_and_one(probability: float, threshold: float) -> None:
    assert 0.0 <= confidence(probability, threshold) <= 1.0


def test_overall_confidence_is_the_mean_over_scored_segments() -> None:
    pair = [abs(spoof_probability(llr) - 0.5) * 2 for llr in (2.0, -1.0)]
    assert overall_confidence(segments(2.0, None, -1.0), 0.5) == pytest.approx(sum(pair) / 2)


def test_without_scored_segments_there_is_no_confidence() -> None:
    assert overall_confidence(segments(None), 0.5) is None


# One window and both that lie half-way to its neighbours


def with_halfway(llrs: list[float], index: int, halfway: tuple[float, float]) -> Verdict:
    found = list(segments(*llrs))
    found[index] = replace(found[index], halfway=halfway)
    return decide(found, GOOD, CARD, 0.5)[1]


@pytest.mark.parametrize(
    ("halfway", "result"),
    [
        ((4.0, 4.0), Result.PARTIALLY_SPOOFED),
        ((4.0, 1.0), Result.BONAFIDE),
        ((-3.0, -3.0), Result.BONAFIDE),
    ],
)
def test_one_window_makes_a_partial_spoof_only_with_both_windows_half_way(
    halfway: tuple[float, float], result: Result
) -> None:
    assert with_halfway([-3.0, -3.0, 4.0, -3.0, -3.0], 2, halfway).result is result
