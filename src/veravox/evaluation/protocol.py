"""`veravox evaluate`: score the recordings of a manifest and write down how it went.

Into the output folder go `scores.csv` (one row a recording, in the manifest's order),
`metrics.json`, plots and `report.md`.
"""

import csv
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from veravox.detection.card import ModelCard
from veravox.errors import MediaError, MissingFile
from veravox.evaluation.manifest import Recording, read_manifest
from veravox.evaluation.plots import write_plots
from veravox.evaluation.report import report
from veravox.evaluation.summary import Run, summarise
from veravox.evaluation.trials import ScoredFile, Trial

SCORES_FILE = "scores.csv"
METRICS_FILE = "metrics.json"
REPORT_FILE = "report.md"
SCORES_COLUMNS = (
    "path",
    "label",
    "spoof_llr",
    "spoof_probability",
    "result",
    "reason",
    "system",
    "family",
    "source",
    "speaker",
    "language",
    "condition",
    "seconds",
)

Scorer = Callable[[BinaryIO], ScoredFile]


def evaluate(
    manifest: Path,
    out: Path,
    score: Scorer,
    model: ModelCard,
    *,
    threshold: float | None = None,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Evaluates `score` on a manifest, writes all outputs into `out`, returns metrics.json.

    `score` is called in `workers` threads (default: one a core); a MediaError or MissingFile of
    its makes the recording undetermined. `threshold` is the decision threshold on the spoof
    probability, 0..1, by default the model's. `progress` is told how many recordings of how many
    are done. Raises InvalidManifest before anything is scored.
    """
    threads = workers or os.cpu_count() or 1
    started = time.perf_counter()
    trials = judge(manifest, score, workers=threads, progress=progress)
    out.mkdir(parents=True, exist_ok=True)
    run = Run(
        model_id=model.id,
        model_sha256=model.sha256,
        calibration=model.calibration_name,
        threshold=model.threshold if threshold is None else threshold,
        workers=threads,
        wall_seconds=time.perf_counter() - started,
    )
    summary = summarise(trials, run)
    metrics = summary.as_json()
    _write_scores(out / SCORES_FILE, trials)
    (out / METRICS_FILE).write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    plots = write_plots(out, trials, summary)
    (out / REPORT_FILE).write_text(report(summary, plots), encoding="utf-8")
    return metrics


def judge(
    manifest: Path,
    score: Scorer,
    *,
    workers: int,
    progress: Callable[[int, int], None] | None = None,
) -> list[Trial]:
    """The recordings of a manifest, in its order, with what `score` concluded; as `evaluate`."""
    recordings = read_manifest(manifest)
    trials: list[Trial] = []
    for trial in _trials(recordings, manifest.parent, score, workers):
        trials.append(trial)
        if progress is not None:
            progress(len(trials), len(recordings))
    return trials


def _trials(
    recordings: Iterable[Recording], folder: Path, score: Scorer, threads: int
) -> Iterator[Trial]:
    """The trials in the order of the recordings, scored in parallel."""
    with ThreadPoolExecutor(threads, thread_name_prefix="evaluate") as executor:
        yield from executor.map(partial(_trial, folder, score), recordings)


def _trial(folder: Path, score: Scorer, recording: Recording) -> Trial:
    try:
        media = (folder / recording.path).open("rb")
    except OSError as error:
        return Trial(recording, _undetermined(f"Cannot be opened: {error.strerror}"))
    with media:
        try:
            return Trial(recording, score(media))
        except (MediaError, MissingFile) as error:
            return Trial(recording, _undetermined(error.message))


def _undetermined(reason: str) -> ScoredFile:
    return ScoredFile(
        spoof_llr=None, spoof_probability=None, result=None, reason=reason, seconds=None
    )


def _write_scores(path: Path, trials: Iterable[Trial]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(SCORES_COLUMNS)
        writer.writerows(_scores_row(trial.recording, trial.scored) for trial in trials)


def _scores_row(recording: Recording, scored: ScoredFile) -> tuple[object, ...]:
    """The fields in the order of SCORES_COLUMNS; None becomes an empty field."""
    return (
        recording.path,
        recording.label,
        scored.spoof_llr,
        scored.spoof_probability,
        scored.result,
        scored.reason,
        recording.system,
        recording.family,
        recording.source,
        recording.speaker,
        recording.language,
        recording.condition,
        scored.seconds,
    )
