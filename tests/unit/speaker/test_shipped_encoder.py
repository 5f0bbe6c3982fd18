"""The encoder in the package: what its card promises, on real speech."""

import numpy as np
import pytest
import soxr

from tests.audio_factory import speech
from veravox.audio.recording import Quality
from veravox.speaker.card import WEIGHTS_FILE
from veravox.speaker.encoder import SHIPPED_ENCODERS, SpeakerEncoder, installed_encoder
from veravox.speaker.scoring import Comparison, compare

GOOD = Quality(30.0, 0.0, 7_000.0, -26.0, 4.0)
LARGEST_BYTES = 15_000_000


@pytest.fixture(scope="module")
def encoder() -> SpeakerEncoder:
    found = installed_encoder()
    assert found is not None
    return found


def compared(encoder: SpeakerEncoder, tested: np.ndarray) -> Comparison:
    """With ten seconds of somebody."""
    return compare(
        encoder.embed(speech(10.0)[0])[0],
        encoder.embed(tested)[0],
        GOOD,
        encoder.cohort,
        encoder.card.normalisation,
        encoder.card.calibration,
    )


def threshold(encoder: SpeakerEncoder) -> float:
    """The LLR of the default operating point."""
    rate = encoder.card.default_rate
    return next(p.threshold for p in encoder.card.points if p.false_match_rate == rate)


def test_the_files_are_small(encoder: SpeakerEncoder) -> None:
    weights = SHIPPED_ENCODERS / encoder.card.id / WEIGHTS_FILE
    assert weights.stat().st_size <= LARGEST_BYTES


def test_other_words_of_the_same_person_match(encoder: SpeakerEncoder) -> None:
    same = compared(encoder, speech(14.0)[0][160_000:])
    assert same.llr > threshold(encoder)


def test_a_much_deeper_voice_is_somebody_else(encoder: SpeakerEncoder) -> None:
    deeper = soxr.resample(speech(14.0)[0][160_000:], 1.0, 1.4).astype(np.float32)
    assert compared(encoder, deeper).llr < threshold(encoder)


def test_the_card_promises_what_was_asked_of_the_encoder(encoder: SpeakerEncoder) -> None:
    rows = encoder.card.metrics["speakers not in training, 4 s against 10 s"].rows
    assert rows["librispeech"]["eer"] <= 0.03
    assert rows["nemo"]["eer"] <= 0.08
    assert rows["baved"]["eer"] <= 0.12
