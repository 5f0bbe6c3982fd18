from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

from tests.audio_factory import speech
from tests.unit.training.small_encoder import DEPTH, HEADS, WIDTH, tensors
from training.augment import Augmentation
from training.corpora import PEAK, Corpus
from training.features import choose, compute
from training.manifest import Clip
from training.whisper import STATISTICS, Encoder
from training.windows import Windows, cut

VOICE = np.ravel(speech(6.0, 16_000)).astype(np.float32)
AUGMENTATION = Augmentation([VOICE[first:] for first in range(0, 48_000, 6_000)])
VARIANTS = 2


def clip(index: int, *, spoof: bool = False) -> Clip:
    label, system = ("spoof", "some-tts") if spoof else ("bonafide", "")
    return Clip("train", label, "a/b", f"{index:040}", "a.wav", system, "", "en", "", 2024)


def corpus_of(clips: list[Clip], directory: Path) -> Corpus:
    np.save(directory / "a+b.npy", np.round(VOICE / np.abs(VOICE).max() * PEAK).astype(np.int16))
    return Corpus(directory, {("a/b", c.sha): (i * 1_000, 90_000) for i, c in enumerate(clips)})


def windows_of(clips: list[Clip], corpus: Corpus, directory: Path) -> Windows:
    return cut(clips, corpus, AUGMENTATION, directory / "windows", VARIANTS, processes=1)


def test_every_clip_gives_a_window_as_it_is_and_one_through_a_channel(tmp_path: Path):
    clips = [clip(index) for index in range(6)]

    windows = windows_of(clips, corpus_of(clips, tmp_path), tmp_path)

    for one in clips:
        assert windows.samples(one, 0).shape == (80_000,)
        assert np.sqrt(np.mean(np.square(windows.samples(one, 0)))) > 0.01
    assert any(not np.allclose(windows.samples(c, 0), windows.samples(c, 1)) for c in clips)


def test_windows_on_disk_are_used_again_and_do_not_depend_on_the_other_clips(tmp_path: Path):
    clips = [clip(index) for index in range(4)]
    corpus = corpus_of(clips, tmp_path)
    alone = windows_of(clips[:1], corpus, tmp_path / "one")
    windows_of(clips[:3], corpus, tmp_path)

    only_the_new = Corpus(tmp_path, {("a/b", clips[3].sha): (3_000, 90_000)})
    again = windows_of(clips, only_the_new, tmp_path)

    for variant in range(VARIANTS):
        assert np.array_equal(again.samples(clips[0], variant), alone.samples(clips[0], variant))


def test_features_come_for_every_variant_and_are_computed_once(tmp_path: Path):
    clips = [clip(index) for index in range(4)]
    windows = windows_of(clips, corpus_of(clips, tmp_path), tmp_path)
    encoder = Encoder(tensors(), HEADS, DEPTH)

    first = compute(clips[:3], windows, encoder, tmp_path / "pooled")
    features = compute(clips, windows, encoder, tmp_path / "pooled")

    assert [(e.clip, e.variant) for e in features.examples] == [
        (c, variant) for variant in range(VARIANTS) for c in clips
    ]
    assert features.values.shape == (8, DEPTH + 1, STATISTICS, WIDTH)
    assert np.isfinite(features.values).all()
    assert np.array_equal(features.values[:3], first.values[:3])


def test_no_system_or_source_gives_more_clips_than_its_cap():
    clips = [clip(index, spoof=index % 2 == 0) for index in range(20)]

    elsewhere = [replace(clip(index, spoof=True), repo="c/d") for index in range(20, 40)]

    chosen = choose([*clips, *elsewhere], per_system=6, per_page=4, per_source=5)

    assert sum(not c.spoof for c in chosen) == 5
    assert Counter(c.repo for c in chosen if c.spoof) == {"a/b": 4, "c/d": 2}
    assert chosen == choose([*elsewhere, *clips[::-1]], per_system=6, per_page=4, per_source=5)
