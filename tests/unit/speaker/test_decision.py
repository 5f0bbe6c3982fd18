import pytest
from hypothesis import given
from hypothesis import strategies as st

from veravox.detection.verdict import Reason, Result, Verdict
from veravox.speaker.card import OperatingPoint
from veravox.speaker.decision import Decision, Doubt, rule

POINT = OperatingPoint(false_match_rate=0.01, threshold=2.0, reject_below=-1.0)
GENUINE = Verdict(-3.0, Result.BONAFIDE, None)
ABSTAINED = Verdict(0.1, None, Reason.UNCERTAIN)
SPOOFS = st.sampled_from([Result.SPOOFED, Result.PARTIALLY_SPOOFED])


@given(
    st.floats(allow_nan=False),
    SPOOFS,
    st.none() | st.sampled_from(list(Doubt)),
    st.booleans(),
)
def test_a_spoof_is_never_a_match(
    llr: float, result: Result, unfit: Doubt | None, needed: bool
) -> None:
    ruling = rule(llr, POINT, Verdict(5.0, result, None), unfit, spoof_verdict_needed=needed)
    assert ruling.decision is Decision.REJECT
    assert not ruling.is_match


@pytest.mark.parametrize(
    ("llr", "decision", "doubt"),
    [
        (2.0, Decision.ACCEPT, None),
        (1.99, Decision.INCONCLUSIVE, Doubt.UNCERTAIN),
        (-1.0, Decision.INCONCLUSIVE, Doubt.UNCERTAIN),
        (-1.01, Decision.REJECT, Doubt.ANOTHER_SPEAKER),
    ],
)
def test_genuine_audio_is_decided_by_the_two_thresholds(
    llr: float, decision: Decision, doubt: Doubt | None
) -> None:
    ruling = rule(llr, POINT, GENUINE)
    assert (ruling.decision, ruling.doubt) == (decision, doubt)


def test_without_a_verdict_on_spoofing_nothing_is_accepted() -> None:
    ruling = rule(9.0, POINT, ABSTAINED)
    assert (ruling.decision, ruling.doubt) == (Decision.INCONCLUSIVE, Doubt.SPOOF_UNKNOWN)


def test_an_operator_may_accept_without_a_verdict_on_spoofing() -> None:
    assert rule(9.0, POINT, ABSTAINED, spoof_verdict_needed=False).is_match


def test_another_speaker_is_rejected_also_without_a_verdict_on_spoofing() -> None:
    assert rule(-9.0, POINT, ABSTAINED).decision is Decision.REJECT


def test_poor_audio_is_inconclusive_however_similar() -> None:
    ruling = rule(9.0, POINT, GENUINE, Doubt.POOR_QUALITY)
    assert (ruling.decision, ruling.doubt) == (Decision.INCONCLUSIVE, Doubt.POOR_QUALITY)
