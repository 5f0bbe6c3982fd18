import wave
from dataclasses import replace
from pathlib import Path

import numpy as np

from training.corpora import build_corpus
from training.features import Example, Features
from training.heads import HeadOptions
from training.manifest import Clip
from training.prompts import PER_VOICE, TITLE, Voice, held_out_table, write_set
from training.synthesis.sets import read_sets
from veravox.detection.card import Calibration

ANNA = Voice("anna", "en", "CC0-1.0")
OPTIONS = HeadOptions(layers=(0,), statistics=(0,), hidden=0, epochs=200, batch=64)


def write_prompt(path: Path, seconds: float, pitch: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    time = np.arange(round(8_000 * seconds)) / 8_000
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8_000, 0, "NONE", ""))
        file.writeframes((9_000 * np.sin(2 * np.pi * pitch * time)).astype("<i2").tobytes())


def test_prompts_of_two_seconds_become_a_set_that_decodes(tmp_path: Path):
    write_prompt(tmp_path / "sounds" / "digits" / "one.wav", 0.5, 300)
    for number in range(3):
        write_prompt(tmp_path / "sounds" / f"{number}.wav", 2.5, 200 + 50 * number)
    write_prompt(tmp_path / "sounds" / "copy.wav", 2.5, 200)

    assert write_set(tmp_path / "sounds", "anna", ANNA, tmp_path / "sets") == 3

    clips = read_sets(tmp_path / "sets")
    assert {(c.label, c.split, c.repo, c.speaker, c.licence) for c in clips} == {
        ("bonafide", "train", "synthesis/prompts-anna", "anna", "CC0-1.0")
    }
    corpus = build_corpus(clips, tmp_path / "sets", tmp_path / "corpus")
    assert all(clip in corpus and 2.4 < corpus.seconds(clip) < 2.6 for clip in clips)


def test_no_voice_gives_more_prompts_than_its_cap(tmp_path: Path):
    for number in range(PER_VOICE + 5):
        write_prompt(tmp_path / "sounds" / f"{number}.wav", 2.0, 200 + number)

    assert write_set(tmp_path / "sounds", "anna", ANNA, tmp_path / "sets") == PER_VOICE


def clip(index: int, repo: str, speaker: str = "", *, spoof: bool = False) -> Clip:
    label, system = ("spoof", "some-tts") if spoof else ("bonafide", "")
    return Clip("train", label, repo, f"{repo}{index}", "", system, "", "en", speaker, 2024)


def test_false_alarms_are_those_of_a_head_that_did_not_hear_the_person():
    generator = np.random.default_rng(3)
    clips = [clip(i, "a/b") for i in range(60)] + [clip(i, "c/d", spoof=True) for i in range(60)]
    clips += [clip(i, "synthesis/prompts-en", "anna") for i in range(20)]
    clips += [clip(i, "synthesis/prompts-es", "anna") for i in range(10)]
    clips += [clip(i, "other/page", "anna") for i in range(20)]
    kind = np.repeat([-1.0, 1.0, 1.0, 1.0, -1.0], [60, 60, 20, 10, 20])
    values = kind[:, None, None, None] + 0.1 * generator.standard_normal((170, 1, 1, 4))
    train = Features([Example(c, 0) for c in clips], values.astype(np.float16))
    calibration = Calibration(slope=1.0, intercept=0.0)

    table = held_out_table("command", train, OPTIONS, calibration)[TITLE]

    assert table.rows == {"en": {"n": 20.0, "bpcer": 1.0}, "es": {"n": 10.0, "bpcer": 1.0}}
    strangers = [replace(c, speaker="", repo="e/f") if c.speaker else c for c in clips]
    without = Features([Example(c, 0) for c in strangers], train.values)
    assert held_out_table("command", without, OPTIONS, calibration) == {}
