from pathlib import Path

import numpy as np

from tests.audio_factory import speech
from tests.model_factory import write_model
from training.false_alarms import CHANGES, measure, prompts, recordings, shares
from training.gates.material import Labelled
from training.partial import wav
from veravox.analysis import open_analyser
from veravox.detection.verdict import Result
from veravox.evaluation.trials import ScoredFile

VOICE = np.ravel(speech(6.0, 16_000)).astype(np.float32)


def file_with(result: Result | None, llr: float | None) -> ScoredFile:
    return ScoredFile(llr, None, result, None, 4.0)


def recording(name: str, source: str) -> Labelled:
    return Labelled(name, spoof=False, group=source, source=source, load=lambda: VOICE)


def test_abstentions_are_told_apart_from_false_alarms():
    scored = [
        file_with(Result.BONAFIDE, -3.0),
        file_with(Result.SPOOFED, 2.0),
        file_with(Result.PARTIALLY_SPOOFED, -1.0),
        file_with(None, 0.1),
        file_with(None, None),
    ]

    assert shares(scored) == {"n": 5.0, "no_verdict": 0.4, "false_alarms": 0.4, "bpcer": 0.5}


def test_every_kind_has_recordings_from_every_source():
    genuine = [recording(f"{i}", ("amu-cai/nEMO", "a/b", "c/d")[i % 3]) for i in range(9)]

    kinds = dict(recordings(genuine, 2))

    assert list(kinds)[:2] == ["emotional", "other recordings"]
    assert set(CHANGES) <= set(kinds)
    assert {len(files) for files in kinds.values()} == {2}
    assert len({files[0] for files in kinds.values()}) > len(CHANGES)


def test_single_words_are_no_prompts(tmp_path: Path):
    (tmp_path / "anna" / "digits").mkdir(parents=True)
    (tmp_path / "anna" / "digits" / "one.wav").write_bytes(wav(VOICE[:16_000]))
    for number in range(3):
        (tmp_path / "anna" / f"{number}.wav").write_bytes(wav(VOICE[number:40_000]))

    found = prompts(tmp_path, 2)

    assert list(found) == ["telephone prompts, anna"]
    assert len(found["telephone prompts, anna"]) == 2
    assert prompts(None, 2) == {}


def test_the_kinds_are_heard_by_the_analysis_that_serves(tmp_path: Path):
    write_model(tmp_path)
    kinds = dict(recordings([recording("a", "a/b")], 1))

    with open_analyser(tmp_path) as analyser:
        row = measure(analyser, analyser.models.card().id, kinds["other recordings"])

    assert row["n"] == 1
    assert row["no_verdict"] + row["false_alarms"] <= 1
