from pathlib import Path

import numpy as np

from tests.audio_factory import speech
from tests.unit.training.small_encoder import DEPTH, HEADS, WIDTH, tensors
from training.augment import Augmentation
from training.corpora import PEAK, Corpus
from training.features import choose, compute
from training.manifest import Clip
from training.whisper import Encoder

VOICE = np.ravel(speech(6.0, 16_000)).astype(np.float32)
AUGMENTATION = Augmentation([VOICE[first:] for first in range(0, 48_000, 6_000)])


def clip(index: int, *, spoof: bool = False) -> Clip:
    label, system = ("spoof", "some-tts") if spoof else ("bonafide", "")
    return Clip("train", label, "a/b", f"{index:040}", "a.wav", system, "", "en", "", 2024)


def corpus_of(clips: list[Clip], directory: Path) -> Corpus:
    np.save(directory / "a+b.npy", np.round(VOICE / np.abs(VOICE).max() * PEAK).astype(np.int16))
    return Corpus(directory, {("a/b", c.sha): (i * 1_000, 90_000) for i, c in enumerate(clips)})


def test_every_clip_gives_a_window_as_it_is_and_an_augmented_one(tmp_path: Path):
    clips = [clip(index) for index in range(4)]
    encoder = Encoder(tensors(), HEADS, DEPTH)

    features = compute(clips, corpus_of(clips, tmp_path), encoder, AUGMENTATION, tmp_path / "kept")

    assert [(e.clip, e.augmented) for e in features.examples] == [
        (c, augmented) for augmented in (False, True) for c in clips
    ]
    assert features.values.shape == (8, DEPTH + 1, 2, WIDTH)
    assert np.isfinite(features.values).all()


def test_features_on_disk_are_used_again_and_only_new_clips_are_computed(tmp_path: Path):
    clips = [clip(index) for index in range(4)]
    encoder = Encoder(tensors(), HEADS, DEPTH)
    kept = tmp_path / "kept"
    first = compute(clips[:3], corpus_of(clips, tmp_path), encoder, AUGMENTATION, kept)

    only_the_new = Corpus(tmp_path, {("a/b", clips[3].sha): (3_000, 90_000)})
    second = compute(clips, only_the_new, encoder, AUGMENTATION, kept)

    assert np.array_equal(second.values[:3], first.values[:3])
    assert np.array_equal(second.values[4:7], first.values[3:])


def test_no_system_or_source_gives_more_clips_than_its_cap():
    clips = [clip(index, spoof=index % 2 == 0) for index in range(20)]

    chosen = choose(clips, per_system=3, per_source=5)

    assert sum(c.spoof for c in chosen) == 3
    assert sum(not c.spoof for c in chosen) == 5
    assert chosen == choose(clips[::-1], per_system=3, per_source=5)
