from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.audio_factory import speech
from training.corpora import build_corpus
from training.manifest import read_manifest
from training.synthesis.sets import Engine, Planned, Sound, produce, read_sets, set_folder
from training.synthesis.texts import draw, languages

RATE = 24_000
VOICE = np.ravel(speech(2.0, RATE))
ENGINE = Engine("diphone", "tts", 1999, "MIT")


def planned(name: str, make: Callable[[], Sound] = lambda: Sound(VOICE, RATE)) -> Planned:
    return Planned(ENGINE, "engine:voice", "it", "carla", name, make, pair="a" * 40)


def refuse() -> Sound:
    raise AssertionError("made again")


def test_a_set_is_read_like_any_source_of_the_manifest(tmp_path: Path):
    produce("demo", [planned("carla/1")], tmp_path)

    clips = read_manifest(set_folder(tmp_path, "demo") / "index.csv")
    corpus = build_corpus(clips, tmp_path, tmp_path / "corpus", processes=1)

    (clip,) = clips
    assert clip.spoof
    assert (clip.repo, clip.split, clip.system) == ("synthesis/demo", "train", "engine:voice")
    assert (clip.language, clip.speaker, clip.year) == ("it", "carla", 1999)
    assert (clip.family, clip.licence, clip.pair) == ("diphone", "MIT", "a" * 40)
    assert corpus.seconds(clip) == pytest.approx(2.0, abs=0.01)


def test_all_sets_of_a_folder_are_read_together(tmp_path: Path):
    for name in ("one", "two"):
        produce(name, [planned("1")], tmp_path)

    assert [clip.repo for clip in read_sets(tmp_path)] == ["synthesis/one", "synthesis/two"]


def test_what_a_set_has_is_not_made_again(tmp_path: Path):
    first = produce("demo", [planned("1")], tmp_path)
    second = produce("demo", [planned("1", refuse), planned("2")], tmp_path)

    assert (first.clips, second.clips) == (1, 1)
    assert second.seconds == pytest.approx(2.0)


def test_a_set_goes_on_where_failures_stopped_it(tmp_path: Path):
    for failing in ([planned("1", refuse)], [planned("1"), planned("2", refuse)]):
        with pytest.raises(AssertionError):
            produce("demo", failing, tmp_path)

    assert produce("demo", [planned("1", refuse), planned("2")], tmp_path).clips == 1
    assert len(read_manifest(set_folder(tmp_path, "demo") / "index.csv")) == 2


def test_a_set_that_has_grown_is_decoded_again(tmp_path: Path):
    index = set_folder(tmp_path, "demo") / "index.csv"
    produce("demo", [planned("1")], tmp_path)
    build_corpus(read_manifest(index), tmp_path, tmp_path / "corpus", processes=1)
    produce("demo", [planned("2", lambda: Sound(VOICE[::-1].copy(), RATE))], tmp_path)

    clips = read_manifest(index)
    corpus = build_corpus(clips, tmp_path, tmp_path / "corpus", processes=1)

    assert all(clip in corpus for clip in clips)


@pytest.mark.parametrize(
    "samples",
    [np.zeros(RATE, np.float32), np.full(RATE, np.nan, np.float32), VOICE[: RATE // 10]],
    ids=["silence", "not-a-number", "too-short"],
)
def test_unusable_sound_is_an_error_that_names_the_clip(tmp_path: Path, samples: np.ndarray):
    with pytest.raises(ValueError, match=r"demo/carla/7\.flac"):
        produce("demo", [planned("carla/7", lambda: Sound(samples, RATE))], tmp_path)


def test_sound_beyond_full_scale_is_scaled_and_not_clipped(tmp_path: Path):
    loud = replace(planned("1"), make=lambda: Sound(VOICE * 8.0, RATE))
    produce("demo", [loud], tmp_path)
    clips = read_manifest(set_folder(tmp_path, "demo") / "index.csv")
    kept = build_corpus(clips, tmp_path, tmp_path / "corpus", processes=1).samples(clips[0])

    expected = np.ravel(speech(2.0, 16_000))
    size = min(kept.size, expected.size)
    assert np.corrcoef(kept[:size], expected[:size])[0, 1] > 0.99


@pytest.mark.parametrize("language", languages())
def test_every_language_has_many_things_to_say(language: str):
    said = {draw(language, np.random.default_rng(seed)) for seed in range(60)}

    assert len(said) >= 20
    assert min(map(len, said)) > 20
