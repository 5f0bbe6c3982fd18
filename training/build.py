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

from training import prompts
from training.attribution import TITLE, fit_attribution
from training.augment import Augmentation
from training.calibrate import (
    QUALITY,
    Scored,
    Unseen,
    dev_tables,
    family_table,
    fit_decision,
    held_out_tables,
    threshold_table,
    training_data,
)
from training.corpora import Corpus
from training.crossval import CrossValidation, cross_validate, leave_family_out, unheard
from training.dataset import Sources
from training.export import Detector, Logits, export
from training.heads import HeadOptions, fit_heads
from training.manifest import Clip
from training.measure import FROZEN_ALONE
from training.prepare import Prepared, add_arguments, prepare, sources_of
from training.recordings import Recording, choose_long, held_out_logits, join_by_speaker
from training.shipped import read_tuned_view
from training.tune import TunedNetwork, ensemble, tune
from training.windows import seeded
from veravox.audio.canonical import Samples
from veravox.audio.windows import WINDOW_SAMPLES
from veravox.detection.card import WEIGHTS_FILE, ModelCard, write_card
from veravox.detection.detector import fit_window

MODEL_ID = "whisper-tiny-views-2026-12b"
ALIASES = ("stable", "stable-latest", "dev-v4", "apollo-4-2025-10-20", "apollo-4-2026-01-16")
COMMAND = (
    "python -m training.build --manifest MANIFEST --manifest training/data/collected.csv.gz "
    "--mirrors MIRRORS --synthesis SETS --whisper WHEEL"
)
DESCRIPTION = (
    "Two views of equal weight: the frozen lower layers of Whisper tiny.en (MIT) with a light "
    "pooled head, and the same layers fine-tuned with a head of their own; fitted on public "
    "recordings of many speech generators and sources."
)
KNOWN_FAILURES = (
    "Generators newer than the training data: see the tables of held-out systems and families.",
    "Speech that a neural codec has compressed and restored is in neither class of training.",
    "Singing, and music with vocals, are not judged but can be taken for speech.",
    "Languages other than English have fewer generators behind them.",
    "Noise at 20 dB and telephone bands raise the error rates: see the gates.",
    "Short inserts in long recordings are missed: see the table of partial spoofs.",
    "No robustness against somebody who can query the detector is claimed.",
)
HEADS = 3
MINUTES = 3
"""Of each speaker, at most, for the rule about parts of a recording."""

RANGE_WINDOWS = 128

log = logging.getLogger(__name__)


def main() -> None:
    """The command line."""
    arguments = _arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(arguments.threads)
    card = build(
        sources_of(arguments),
        prepare(sources_of(arguments), arguments.whisper, arguments.cache, arguments.threads),
        arguments.cache,
        arguments.out,
        arguments.start,
    )
    for title, measured in card.metrics.items():
        log.info("%s: %s", title, json.dumps(measured.rows.get("all", measured.rows)))


def build(
    sources: Sources, prepared: Prepared, cache: Path, out: Path, start: Path | None
) -> ModelCard:
    """Trains, calibrates and writes the model below `out`; intermediate results go to `cache`.

    `start`: an exported model from whose fine-tuned view fine-tuning goes on.
    """
    corpus, encoder, train = prepared.corpus, prepared.encoder, prepared.features
    options = HeadOptions()
    rows = [example.clip for example in train.examples]
    heads = fit_heads(train.values, rows, options, HEADS)
    validation = cross_validate(train, options)
    begun = read_tuned_view(start) if start else None
    tuned = tune(prepared.chosen, prepared.windows, encoder, cache, begun)
    unseen = both_views(prepared, validation, tuned)
    frozen = Unseen(train.examples, validation.logits)
    frozen_calibration = (
        frozen.judged(augmented=False).with_more(frozen.judged(augmented=True)).calibrate()
    )
    dealt = unheard(prepared.train, prepared.chosen)

    def held_out(recordings: Sequence[Recording]) -> Scored:
        logits = held_out_logits(
            recordings, corpus, encoder, validation, options, tuned, cache / "recordings"
        )
        return Scored.of([recording.clips[0] for recording in recordings], logits)

    long = held_out(choose_long(dealt, corpus))
    folder = out / MODEL_ID
    attributed = fit_attribution(train, options, COMMAND)
    detector = Detector(encoder, heads, options, attributed.head, tuned)
    logit = _export(detector, prepared, folder)
    dev = Scored.of(prepared.dev, [logit(Recording((c,)).windows(corpus)) for c in prepared.dev])
    changed = Scored.of(
        prepared.dev, [logit([_augmented(c, corpus, prepared.augmentation)]) for c in prepared.dev]
    )
    minutes = join_by_speaker(prepared.dev, corpus, MINUTES)
    joined = held_out(join_by_speaker(dealt, corpus, MINUTES)).with_more(
        Scored.of([m.clips[0] for m in minutes], [logit(m.windows(corpus)) for m in minutes])
    )
    by_family = leave_family_out(train, options, cache / "families")
    decision = fit_decision(
        dev.with_more(unseen.judged(augmented=False)),
        changed.with_more(unseen.judged(augmented=True)),
        long,
        joined,
    )
    card = ModelCard(
        id=MODEL_ID,
        aliases=ALIASES,
        created=date.today(),
        description=DESCRIPTION,
        command=COMMAND,
        sha256=hashlib.sha256((folder / WEIGHTS_FILE).read_bytes()).hexdigest(),
        data=training_data(sources.lists, prepared.chosen, corpus),
        calibration=decision.calibration,
        threshold=0.5,
        fusion=decision.fusion,
        band=decision.band,
        partial=decision.partial,
        quality=QUALITY,
        metrics=threshold_table(COMMAND, decision)
        | dev_tables(COMMAND, prepared.dev, dev, changed, decision)
        | held_out_tables(COMMAND, unseen, decision.calibration)
        | held_out_tables(COMMAND, frozen, frozen_calibration, FROZEN_ALONE)
        | family_table(COMMAND, train.examples, by_family, frozen_calibration)
        | prompts.held_out_table(COMMAND, train, options, decision.lowered(frozen_calibration))
        | {TITLE: attributed.table},
        known_failures=KNOWN_FAILURES,
        attribution=attributed.constants,
    )
    write_card(card, folder)
    return card


def both_views(prepared: Prepared, validation: CrossValidation, tuned: TunedNetwork) -> Unseen:
    """The mean logits of both views on what neither has heard, nor anything related to it."""
    examples = prepared.features.examples
    apart = set(unheard(prepared.chosen, prepared.chosen))
    rows = [i for i, example in enumerate(examples) if example.clip in apart]
    chosen = [examples[i] for i in rows]
    windows = (prepared.windows.samples(e.clip, e.variant) for e in chosen)
    return Unseen(chosen, ensemble(validation.logits[rows], tuned.logits(windows)))


def _export(detector: Detector, prepared: Prepared, folder: Path) -> Logits:
    path = folder / WEIGHTS_FILE
    clips = prepared.chosen[:: len(prepared.chosen) // RANGE_WINDOWS][:RANGE_WINDOWS]
    variants = len(prepared.windows.names)
    windows = [prepared.windows.samples(clip, i % variants) for i, clip in enumerate(clips)]
    worst = export(detector, np.stack(windows), path)
    log.info("exported; 8 bits move a logit by at most %.2g", worst)
    return Logits(path)


def _augmented(clip: Clip, corpus: Corpus, augmentation: Augmentation) -> Samples:
    samples = corpus.samples(clip, 0, WINDOW_SAMPLES)
    return fit_window(augmentation(samples, seeded(clip, "dev"))[:WINDOW_SAMPLES])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m training.build", description=__doc__)
    add_arguments(parser)
    parser.add_argument(
        "--out", type=Path, default=Path("src/veravox/detection/models"), help="model folder"
    )
    parser.add_argument("--start", type=Path, help="model.onnx whose fine-tuned view to go on from")
    return parser.parse_args()


if __name__ == "__main__":
    main()
