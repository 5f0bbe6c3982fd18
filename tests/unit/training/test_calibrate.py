from pathlib import Path

import numpy as np
import pytest

from training.calibrate import Scored, fit_decision
from training.corpora import PEAK, Corpus
from training.manifest import Clip
from training.recordings import choose_long, join_by_speaker

RATE = 16_000


def scored(*, bias: float = 0.0, windows: int = 4, recordings: int = 120) -> Scored:
    """Raw logits at `bias` +- 2, bona fide below."""
    generator = np.random.default_rng(windows)
    spoof = [index % 2 == 0 for index in range(recordings)]
    centres = [bias + (2.0 if label else -2.0) for label in spoof]
    rows = [generator.normal(centre, 1.5, windows) for centre in centres]
    return Scored(spoof, ["a"] * recordings, rows)


def test_llrs_of_a_biased_model_are_centred_by_calibration():
    biased = scored(bias=5.0)

    means = np.array([np.mean(row) for row in biased.llrs(biased.calibrate())])

    assert means[biased.spoof].mean() > 1.0
    assert means[[not label for label in biased.spoof]].mean() < -1.0


def test_a_page_with_many_recordings_does_not_set_the_threshold_alone():
    balanced, missed = scored(windows=1), np.full((120, 1), -1.0)
    spoof = [*balanced.spoof, *[True] * len(missed)]
    logits = [*balanced.logits, *missed]
    systems = [*(f"system {i % 10}" for i in range(120)), *["one page"] * len(missed)]

    middle = zero(Scored(balanced.spoof, ["a"] * 120, balanced.logits))
    moved_by_recordings = zero(Scored(spoof, ["a"] * len(spoof), logits)) - middle
    moved_by_systems = zero(Scored(spoof, systems, logits)) - middle

    assert abs(moved_by_systems) < 0.5 * abs(moved_by_recordings)


def zero(fitted_on: Scored) -> float:
    """The logit that is calibrated to an LLR of 0."""
    calibration = fitted_on.calibrate()
    return -calibration.intercept / calibration.slope


def test_a_bias_of_the_held_out_heads_does_not_become_a_weight_of_the_window_count():
    dev, bonafide = scored(windows=1), scored(windows=12)
    genuine = [r for r, s in zip(bonafide.logits, bonafide.spoof, strict=True) if not s]
    minutes = Scored([False] * 60, ["a"] * 60, genuine)

    centred = fit_decision(dev, dev, scored(bias=0.0), minutes)
    biased = fit_decision(dev, dev, scored(bias=5.0), minutes)

    assert biased.fusion.log_count == pytest.approx(centred.fusion.log_count, abs=0.05)
    assert biased.calibration == centred.calibration


def test_one_in_twenty_genuine_recordings_is_above_the_threshold_at_most():
    recordings, minutes = scored(windows=1, recordings=800), scored(windows=12)

    decision = fit_decision(recordings, recordings, scored(), minutes)

    llrs = [row[0] for row in recordings.llrs(decision.calibration)]
    genuine = [llr for llr, spoof in zip(llrs, recordings.spoof, strict=True) if not spoof]
    assert np.mean(np.array(genuine) > 0.0) == pytest.approx(0.05, abs=0.003)


def corpus_of(seconds: dict[str, float], directory: Path) -> Corpus:
    longest = round(max(seconds.values()) * RATE)
    np.save(directory / "a+b.npy", np.full(longest, PEAK // 2, np.int16))
    return Corpus(directory, {("a/b", sha): (0, round(s * RATE)) for sha, s in seconds.items()})


def clip(sha: str, speaker: str, system: str = "") -> Clip:
    label = "spoof" if system else "bonafide"
    return Clip("train", label, "a/b", sha, "a.wav", system, "", "en", speaker, 2024)


def test_a_minute_is_made_of_one_speakers_bona_fide_clips(tmp_path: Path):
    clips = [clip(f"{i}", speaker) for i, speaker in enumerate(("Ann", "Ann", "Ann", "Bob", ""))]
    clips.append(clip("5", "Ann", system="some-tts"))
    corpus = corpus_of({c.sha: 25.0 for c in clips}, tmp_path)

    (minute,) = join_by_speaker(clips, corpus)

    assert [c.sha for c in minute.clips] == ["0", "1", "2"]
    assert not minute.spoof
    assert len(minute.windows(corpus)) == 15


def test_only_recordings_of_ten_seconds_and_more_are_long(tmp_path: Path):
    clips = [clip("short", "Ann"), clip("long", "Ann"), clip("fake", "Ann", system="some-tts")]
    corpus = corpus_of({"short": 9.0, "long": 11.0, "fake": 30.0}, tmp_path)

    chosen = choose_long(clips, corpus)

    assert {recording.clips[0].sha for recording in chosen} == {"long", "fake"}
