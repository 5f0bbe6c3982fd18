"""One recording's row in the table of scores, and how it comes about in whatever process."""

import atexit
import functools
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from veravox.analysis import Analyser, Analysis, AnalysisOptions, open_analyser
from veravox.archives.recordings import Archive, Recording
from veravox.detection.calibration import spoof_probability
from veravox.errors import Unavailable, VeravoxError

LOST = "The analysis ended without an answer"


@dataclass(frozen=True, slots=True)
class SegmentScore:
    """One window: seconds from the start, its LLR (positive = spoof), its result or the reason."""

    start: float
    end: float
    spoof_llr: float | None
    result: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Score:
    """One row: a recording and what was concluded.

    `result` is None where there is no verdict; `reason` then says why, and `failed` is set where
    the recording could not be analysed at all. `duration` and `speech` are in seconds.
    """

    path: str
    size: int
    version: str
    result: str | None
    reason: str | None
    failed: bool
    spoof_llr: float | None = None
    spoof_probability: float | None = None
    duration: float | None = None
    speech: float | None = None
    container: str | None = None
    codec: str | None = None
    segments: tuple[SegmentScore, ...] = ()


@dataclass(frozen=True, slots=True)
class Task:
    """What to do with each recording of an archive. It can be sent to other processes and hosts.

    `models_dir` is None for the shipped models, `calibration` for each model's own.
    """

    archive: Archive
    options: AnalysisOptions
    models_dir: Path | None
    calibration: Path | None = None


def score(task: Task, recording: Recording) -> Score:
    """The row of `recording`, by this process's own analyser.

    What is wrong with the recording is in its row. Raises Unavailable when the archive or the
    decoder is, and InvalidModel.
    """
    analyser = _analyser(task.models_dir, task.calibration)
    try:
        with task.archive.open(recording) as media:
            return _scored(recording, analyser.analyse(media, task.options))
    except Unavailable:
        raise
    except VeravoxError as error:
        return failed(recording, error.message)
    except OSError as error:
        return failed(recording, error.strerror or "The file cannot be read")


def failed(recording: Recording, reason: str) -> Score:
    """The row of a recording that could not be analysed."""
    return Score(
        recording.path, recording.size, recording.version, result=None, reason=reason, failed=True
    )


def _scored(recording: Recording, analysis: Analysis) -> Score:
    verdict = analysis.verdict
    llr = verdict.spoof_llr
    return Score(
        path=recording.path,
        size=recording.size,
        version=recording.version,
        result=verdict.result,
        reason=verdict.reason,
        failed=False,
        spoof_llr=llr,
        spoof_probability=None if llr is None else spoof_probability(llr),
        duration=analysis.duration,
        speech=analysis.quality.net_speech,
        container=analysis.media.container,
        codec=analysis.media.codec,
        segments=tuple(
            SegmentScore(item.start, item.end, item.spoof_llr, item.result, item.reason)
            for item in analysis.segments
        ),
    )


@functools.cache
def _analyser(models_dir: Path | None, calibration: Path | None) -> Analyser:
    """This process's analyser, open until the process ends."""
    stack = ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(open_analyser(models_dir, calibration=calibration))
