from pathlib import Path

import numpy as np
import pytest

from tests.audio_factory import speech
from tests.model_factory import hiss, hum, write_model
from training.gates.hygiene import straddling
from training.gates.interventions import INTERVENTIONS, measure, silence_trimmed
from training.gates.material import Labelled, choose
from training.gates.nuisance import statistics
from training.gates.scoring import LARGEST_DIFFERENCE, determinism
from training.manifest import Clip
from veravox.detection.detector import OnnxDetector


def make_clip(split: str, sha: str, **changes: str) -> Clip:
    fields = {
        "label": "spoof",
        "repo": f"them/{sha}",
        "path": "a.wav",
        "system": f"system-{sha}",
        "kind": "tts",
        "language": "en",
        "speaker": f"speaker-{sha}",
    }
    return Clip(split=split, sha=sha, year=2024, **(fields | changes))


def test_what_is_in_both_splits_is_named() -> None:
    clips = [
        make_clip("train", "a", system="vits(large)", speaker="p225"),
        make_clip("train", "b"),
        make_clip("dev", "c", system="VITS", speaker="p225"),
    ]
    found = straddling(clips)
    assert found["system"] == ["vits"]
    assert found["speaker"] == ["p225"]
    assert found["recording (blob)"] == []


def test_splits_that_share_nothing_are_clean() -> None:
    assert not any(straddling([make_clip("train", "a"), make_clip("dev", "b")]).values())


def test_the_tests_model_is_deterministic(tmp_path: Path) -> None:
    folder = write_model(tmp_path)
    worst = determinism(folder, [hum(5.0), hiss(5.0), hiss(2.0, seed=2)])
    assert max(worst.values()) <= LARGEST_DIFFERENCE


@pytest.mark.parametrize("intervention", INTERVENTIONS, ids=lambda i: i.name)
def test_every_intervention_changes_speech_and_leaves_speech(intervention) -> None:
    samples = speech(3.0)[0]
    changed = intervention.change(samples)
    assert np.isfinite(changed).all()
    assert 0.5 * samples.size < changed.size < 1.5 * samples.size
    assert changed.size != samples.size or not np.array_equal(changed, samples)


def test_trimming_takes_only_the_ends() -> None:
    voice = speech(2.0)[0]
    padded = np.concatenate((np.zeros(8_000), voice, np.zeros(8_000))).astype(np.float32)
    assert abs(silence_trimmed(padded).size - silence_trimmed(voice).size) <= 320


def test_a_detector_of_noise_is_caught_by_noise_and_not_by_polarity(tmp_path: Path) -> None:
    detector = OnnxDetector(write_model(tmp_path))
    spoof = np.array([False] * 6 + [True] * 6)
    quiet = [hum(3.0) + hiss(3.0, 0.001 * i, seed=i) for i in range(6)]
    loud = [hum(3.0) + hiss(3.0, 0.008 + 0.001 * i, seed=i) for i in range(6)]
    rows = measure(detector, [*quiet, *loud], spoof, 1)
    assert rows["unchanged"]["eer"] == 0.0
    assert rows["polarity"]["kept"] == 1.0
    assert rows["constant offset"]["kept"] == 1.0
    assert rows["MP3 64 kbit/s, bona fide only"]["required"] == 1.0


def test_recordings_are_taken_evenly_from_groups() -> None:
    names = ["a"] * 50 + ["b"] * 5 + ["c"] * 5
    rows = [
        Labelled(f"{i}", False, group, group, lambda: np.zeros(1, np.float32))
        for i, group in enumerate(names)
    ]
    chosen = [recording.group for recording in choose(rows, 12)]
    assert {name: chosen.count(name) for name in "abc"} == {"a": 4, "b": 4, "c": 4}


def test_statistics_see_length_and_silence_but_not_level() -> None:
    voice = speech(3.0)[0]
    silent = np.concatenate((np.zeros(16_000, np.float32), voice))
    assert statistics(voice) == pytest.approx(statistics(0.1 * voice), rel=1e-3, abs=1e-3)
    assert statistics(silent)["silence before"] > statistics(voice)["silence before"] + 0.8
    assert len(statistics(voice)) == 26
