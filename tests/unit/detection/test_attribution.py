import numpy as np
import pytest

from tests.model_factory import make_card
from veravox.detection.attribution import attribute, family_probabilities
from veravox.detection.card import Attribution
from veravox.detection.verdict import GeneratorFamily, Result, Segment, Verdict

TERMS = Attribution(families=("flow matching", "diffusion"), temperature=2.0, confidence=0.7)
CARD = make_card(attribution=TERMS)
SPOOFED = Verdict(3.0, Result.SPOOFED, None)


def segment(index: int, families: tuple[float, ...] | None) -> Segment:
    result = Result.SPOOFED if families else Result.BONAFIDE
    return Segment(index, 5.0 * index, 5.0 * index + 5.0, 0.1, 2.0, result, families=families)


def test_logits_become_probabilities_at_the_cards_temperature() -> None:
    first, second = family_probabilities(np.array([2.0, 0.0], np.float32), TERMS)
    assert first + second == pytest.approx(1.0, abs=1e-3)
    assert first == pytest.approx(1 / (1 + np.exp(-1.0)), abs=1e-3)


def test_the_family_is_that_of_the_spoofed_windows_together() -> None:
    segments = [segment(0, (0.9, 0.1)), segment(1, None), segment(2, (0.7, 0.3))]
    assert attribute(segments, SPOOFED, CARD) == GeneratorFamily("flow matching", 0.8)


def test_below_the_confidence_the_generator_is_unknown() -> None:
    assert attribute([segment(0, (0.6, 0.4))], SPOOFED, CARD) == GeneratorFamily("unknown", 0.6)


@pytest.mark.parametrize("result", [Result.BONAFIDE, Result.PARTIALLY_SPOOFED, None])
def test_only_a_spoofed_recording_has_a_generator(result: Result | None) -> None:
    assert attribute([segment(0, (0.9, 0.1))], Verdict(3.0, result, None), CARD) is None


def test_a_model_without_attribution_names_nothing() -> None:
    assert attribute([segment(0, (0.9, 0.1))], SPOOFED, make_card()) is None
