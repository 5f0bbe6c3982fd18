import numpy as np
import pytest

from training.attribution import (
    KINDS,
    NEVER,
    choose_confidence,
    fit_attribution,
    fit_temperature,
)
from training.features import Example, Features
from training.heads import HeadOptions
from training.manifest import Clip

OPTIONS = HeadOptions(layers=(0,), statistics=(0,))
SYSTEMS = (
    *("bark", "valle", "f5-tts", "voicebox"),
    *("freevc", "knn-vc", "nansy", "diffvc"),
    *("tacotron2", "fastspeech2", "fastpitch", "glow-tts"),
)


def make_clip(number: int, system: str, repo: str) -> Clip:
    return Clip("train", "spoof", repo, f"{number:040x}", "x.wav", system, "tts", "en", "", 2024)


def make_features(per_repo: int = 40) -> Features:
    """Three kinds that differ in a third of the features, each of four systems, one a page."""
    generator = np.random.default_rng(1)
    examples, rows = [], []
    for page, system in enumerate(SYSTEMS):
        for _ in range(per_repo):
            row = generator.standard_normal((1, 1, 96))
            row[0, 0, page // 4 :: 3] += 3.0
            clip = make_clip(len(rows), system, f"them/page-{page}")
            examples.append(Example(clip, 0))
            rows.append(row)
    return Features(examples, np.array(rows, dtype=np.float16))


def test_kinds_are_told_apart_on_pages_that_were_held_out() -> None:
    attributed = fit_attribution(make_features(), OPTIONS, "test")
    everything = attributed.table.rows["all"]
    assert attributed.constants.families == tuple(KINDS)
    assert everything["accuracy_if_always_named"] > 0.8
    assert everything["right_when_named"] >= 0.8
    assert "unknown kind: voice conversion" in attributed.table.rows


def test_temperature_repairs_overconfidence() -> None:
    generator = np.random.default_rng(2)
    logits = generator.standard_normal((2000, 4))
    odds = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = np.array([generator.choice(4, p=row) for row in odds])
    assert fit_temperature(5.0 * logits, truth) == pytest.approx(5.0, rel=0.15)


def test_nothing_is_named_where_naming_would_mostly_be_wrong() -> None:
    generator = np.random.default_rng(3)
    probabilities = generator.dirichlet(np.ones(5), 400)
    assert choose_confidence(probabilities, generator.integers(5, size=400)) == NEVER


def test_the_confidence_is_where_four_of_five_are_right() -> None:
    top = np.linspace(0.99, 0.3, 1000)
    probabilities = np.stack((top, 1.0 - top), axis=1)
    truth = (np.arange(1000) >= 400).astype(int)
    confidence = choose_confidence(probabilities, truth)
    named = probabilities.max(axis=1) >= confidence
    right = probabilities.argmax(axis=1) == truth
    assert right[named].mean() >= 0.8
