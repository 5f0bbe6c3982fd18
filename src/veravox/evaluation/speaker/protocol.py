"""`veravox evaluate --task speaker`: judge the trials of a file and write down how it went.

Into the output folder go `scores.csv` (one row a trial, in the file's order), `metrics.json`,
`det.png` and `report.md`. Every recording is heard once, however many trials it is in.
"""

import csv
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO, Generic, Protocol, TypeVar

from veravox.errors import InvalidRequest, MediaError
from veravox.evaluation.speaker.report import report, write_det
from veravox.evaluation.speaker.summary import summarise
from veravox.evaluation.speaker.trials import Judged, SpeakerTrial, Terms, read_trials

SCORES_COLUMNS = (
    "enrol",
    "test",
    "label",
    "condition",
    "llr",
    "decision",
    "reason",
    "net_speech",
)

Heard = TypeVar("Heard")


class Listener(Protocol, Generic[Heard]):
    """What is evaluated."""

    def hear(self, media: BinaryIO) -> Heard:
        """What is needed of a recording. Raises MediaError and InvalidRequest."""
        ...

    def judge(self, enrolled: Heard, tested: Heard) -> Judged:
        """The joint decision on a trial. Raises InvalidRequest."""
        ...


def evaluate_speakers(
    trials_file: Path,
    out: Path,
    listener: Listener[Heard],
    terms: Terms,
    *,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Evaluates `listener`, writes all outputs into `out` and returns metrics.json.

    `progress` is told how many recordings of how many are heard. Raises InvalidManifest before
    anything is heard.
    """
    trials = read_trials(trials_file)
    out.mkdir(parents=True, exist_ok=True)
    paths = list(dict.fromkeys(path for trial in trials for path in (trial.enrol, trial.test)))
    heard = _hear_all(paths, trials_file.parent, listener, workers, progress)
    judged = [_judge(trial, heard, listener) for trial in trials]
    metrics = summarise(trials, judged, terms)
    _write_scores(out / "scores.csv", trials, judged)
    (out / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    plots = write_det(out, trials, judged)
    (out / "report.md").write_text(report(metrics, plots), encoding="utf-8")
    return metrics


def _hear_all(
    paths: Sequence[str],
    folder: Path,
    listener: Listener[Heard],
    workers: int,
    progress: Callable[[int, int], None] | None,
) -> dict[str, Heard | str]:
    """What was heard of each recording, or why nothing was."""

    def hear(path: str) -> Heard | str:
        try:
            with (folder / path).open("rb") as media:
                return listener.hear(media)
        except OSError as error:
            return f"Cannot be opened: {error.strerror}"
        except (MediaError, InvalidRequest) as error:
            return error.message

    heard: dict[str, Heard | str] = {}
    with ThreadPoolExecutor(workers, thread_name_prefix="evaluate") as executor:
        for path, outcome in zip(paths, executor.map(hear, paths), strict=True):
            heard[path] = outcome
            if progress is not None:
                progress(len(heard), len(paths))
    return heard


def _judge(trial: SpeakerTrial, heard: dict[str, Heard | str], listener: Listener[Heard]) -> Judged:
    enrolled, tested = heard[trial.enrol], heard[trial.test]
    if isinstance(enrolled, str):
        return _unusable(f"enrol: {enrolled}")
    if isinstance(tested, str):
        return _unusable(f"test: {tested}")
    try:
        return listener.judge(enrolled, tested)
    except InvalidRequest as error:
        return _unusable(error.message)


def _unusable(reason: str) -> Judged:
    return Judged(llr=None, accepted=False, decision="", reason=reason, net_speech=None)


def _write_scores(path: Path, trials: Sequence[SpeakerTrial], judged: Sequence[Judged]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(SCORES_COLUMNS)
        writer.writerows(
            (t.enrol, t.test, t.label, t.condition, j.llr, j.decision, j.reason, j.net_speech)
            for t, j in zip(trials, judged, strict=True)
        )
