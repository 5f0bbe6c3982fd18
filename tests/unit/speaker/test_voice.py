import numpy as np
import pytest

from veravox.audio.recording import Quality
from veravox.speaker.card import QualityLimits
from veravox.speaker.decision import Doubt
from veravox.speaker.speech import spoken
from veravox.speaker.voice import (
    LONGEST_SPEECH,
    Flaw,
    SpeechCollector,
    Voice,
    enrolment_quality,
    unfit_to_test,
)

LIMITS = QualityLimits(
    test_speech=1.0, enrol_speech=6.0, snr_db=8.0, clipping_ratio=0.01, self_similarity=0.6
)
SOMEBODY = np.eye(256, dtype=np.float32)[0]


def quality(net_speech: float = 9.0, snr_db: float | None = 25.0, clipping: float = 0.0) -> Quality:
    return Quality(snr_db, clipping, 7_000.0, -26.0, net_speech)


def test_pauses_are_left_out_except_near_speech() -> None:
    samples = np.arange(100 * 160, dtype=np.float32)
    speech = np.zeros(100, np.bool_)
    speech[50:60] = True
    kept = spoken(samples, speech)
    assert kept[0] == 45 * 160
    assert kept.size == 20 * 160


def test_a_recording_without_speech_leaves_nothing() -> None:
    assert spoken(np.ones(1_600, np.float32), np.zeros(10, np.bool_)).size == 0


def test_at_most_two_minutes_of_speech_are_gathered() -> None:
    collector = SpeechCollector()
    for _ in range(30):
        collector.push(np.ones(80_000, np.float32), np.ones(500, np.bool_))
    assert collector.result().size == round(LONGEST_SPEECH * 16_000)


@pytest.mark.parametrize(
    ("voice", "flaws"),
    [
        (Voice(SOMEBODY, 0.9, quality()), ()),
        (Voice(SOMEBODY, 0.9, quality(net_speech=5.9)), (Flaw.TOO_LITTLE_SPEECH,)),
        (Voice(SOMEBODY, 0.9, quality(snr_db=7.0)), (Flaw.NOISY,)),
        (Voice(SOMEBODY, 0.9, quality(clipping=0.2)), (Flaw.CLIPPED,)),
        (Voice(SOMEBODY, 0.5, quality()), (Flaw.SEVERAL_SPEAKERS,)),
        (Voice(None, 0.0, quality(net_speech=0.0, snr_db=None)), (Flaw.TOO_LITTLE_SPEECH,)),
    ],
)
def test_an_enrolment_tells_what_it_lacks(voice: Voice, flaws: tuple[Flaw, ...]) -> None:
    judged = enrolment_quality(voice, LIMITS)
    assert judged.flaws == flaws
    assert judged.accepted is (not flaws)


@pytest.mark.parametrize(
    ("measured", "doubt"),
    [
        (quality(), None),
        (quality(net_speech=0.9), Doubt.TOO_LITTLE_SPEECH),
        (quality(snr_db=5.0), Doubt.POOR_QUALITY),
        (quality(snr_db=None), None),
    ],
)
def test_a_test_needs_some_speech_above_the_noise(measured: Quality, doubt: Doubt | None) -> None:
    assert unfit_to_test(measured, LIMITS) is doubt
