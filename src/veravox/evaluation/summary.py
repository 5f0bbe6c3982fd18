"""All numbers of an evaluation.

* `eer`, `auc`, `cllr`, `min_cllr`, `min_dcf`, `act_dcf`: over every recording with a score,
  abstentions included.
* `accuracy`, `apcer`, `bpcer`: the same recordings, forced to a decision at the frozen threshold
  (spoofed where the spoof probability is at or above it).
* `selective_error`: over the recordings that the detector did decide. `coverage`: their share of
  all recordings of the manifest; abstentions and unscorable recordings are both not covered.

A number is None when the recordings lack a class that it needs.
"""

import resource
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from veravox.detection.verdict import Result
from veravox.evaluation import metrics
from veravox.evaluation.bootstrap import Interval, Sample, interval, resamples
from veravox.evaluation.metrics import Labels, Metric, MissingClass, Scores
from veravox.evaluation.trials import Trial

BLANK = "unspecified"
DURATION_BUCKETS = ((5.0, "under 5 s"), (10.0, "5-10 s"), (30.0, "10-30 s"), (60.0, "30-60 s"))
LONGEST_BUCKET = "60 s and more"
LLR_METRICS: dict[str, Metric] = {
    "eer": metrics.eer,
    "auc": metrics.auc,
    "cllr": metrics.cllr,
    "min_cllr": metrics.min_cllr,
    "min_dcf": metrics.min_dcf,
    "act_dcf": metrics.act_dcf,
}


@dataclass(frozen=True, slots=True)
class Run:
    """The model, calibration and threshold that were evaluated, and the wall-clock seconds."""

    model_id: str
    model_sha256: str
    calibration: str
    threshold: float
    workers: int
    wall_seconds: float


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a breakdown. For a system or family, EER and AUC are against all bona fide."""

    n_bonafide: int
    n_spoof: int
    n_scored: int
    eer: float | None
    auc: float | None
    accuracy: float | None
    bpcer: float | None
    apcer: float | None
    coverage: float
    selective_error: float | None


@dataclass(frozen=True, slots=True)
class Summary:
    """The content of metrics.json. Rates are 0..1, Cllr in bits, memory in bytes of this process.

    `real_time_factor`: wall-clock seconds a second of audio, with `workers` threads.
    `unscored`: the number of recordings without a score, by reason. `intervals`: 95 %.
    """

    eer: float | None
    auc: float | None
    cllr: float | None
    min_cllr: float | None
    accuracy: float | None
    bpcer: float | None
    apcer: float | None
    coverage: float
    n_bonafide: int
    n_spoof: int
    min_dcf: float | None
    act_dcf: float | None
    selective_error: float | None
    n_scored: int
    n_decided: int
    intervals: dict[str, Interval | None]
    breakdowns: dict[str, dict[str, Row]]
    undetermined: dict[str, int]
    model: dict[str, str]
    threshold: float
    workers: int
    wall_seconds: float
    audio_seconds: float
    real_time_factor: float | None
    peak_memory_bytes: int

    def as_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists and numbers, keys in the order of the fields."""
        return asdict(self)


def summarise(trials: Sequence[Trial], run: Run) -> Summary:
    """All numbers of a run over at least one recording."""
    scored = [trial for trial in trials if trial.scored.spoof_llr is not None]
    decided = [trial for trial in trials if trial.scored.result is not None]
    llrs, spoof = _llrs(scored), _spoof(scored)
    probabilities = _probabilities(scored)
    threshold_metrics = _threshold_metrics(run.threshold)
    values = {name: _value(metric, llrs, spoof) for name, metric in LLR_METRICS.items()} | {
        name: _value(metric, probabilities, spoof) for name, metric in threshold_metrics.items()
    }
    samples = _resamples(scored)
    intervals = {
        name: interval(metric, llrs, spoof, samples) for name, metric in LLR_METRICS.items()
    } | {
        name: interval(metric, probabilities, spoof, samples)
        for name, metric in threshold_metrics.items()
    }
    audio_seconds = sum(trial.scored.seconds or 0.0 for trial in trials)
    return Summary(
        **values,
        coverage=metrics.coverage(len(decided), len(trials)),
        n_bonafide=sum(not trial.recording.spoof for trial in trials),
        n_spoof=sum(trial.recording.spoof for trial in trials),
        selective_error=_selective_error(decided),
        n_scored=len(scored),
        n_decided=len(decided),
        intervals=intervals | _decision_intervals(trials, decided),
        breakdowns=_breakdowns(trials, run.threshold),
        undetermined=dict(
            Counter(t.scored.reason or BLANK for t in trials if t.scored.result is None)
        ),
        model={
            "id": run.model_id,
            "sha256": run.model_sha256,
            "calibration": run.calibration,
        },
        threshold=run.threshold,
        workers=run.workers,
        wall_seconds=run.wall_seconds,
        audio_seconds=audio_seconds,
        real_time_factor=run.wall_seconds / audio_seconds if audio_seconds else None,
        peak_memory_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    )


def duration_bucket(seconds: float | None) -> str:
    """The name of the range that a recording's duration falls in."""
    if seconds is None:
        return BLANK
    return next((name for limit, name in DURATION_BUCKETS if seconds < limit), LONGEST_BUCKET)


def _breakdowns(trials: Sequence[Trial], threshold: float) -> dict[str, dict[str, Row]]:
    spoofs = [trial for trial in trials if trial.recording.spoof]
    bonafide = [trial for trial in trials if not trial.recording.spoof]

    def table(
        name: Callable[[Trial], str], members: Sequence[Trial], others: Sequence[Trial] = ()
    ) -> dict[str, Row]:
        groups: defaultdict[str, list[Trial]] = defaultdict(list)
        for trial in members:
            groups[name(trial) or BLANK].append(trial)
        return {key: _row(groups[key], others, threshold) for key in sorted(groups)}

    return {
        "system": table(lambda t: t.recording.system, spoofs, bonafide),
        "family": table(lambda t: t.recording.family, spoofs, bonafide),
        "source": table(lambda t: t.recording.source, trials),
        "language": table(lambda t: t.recording.language, trials),
        "condition": table(lambda t: t.recording.condition, trials),
        "duration": table(lambda t: duration_bucket(t.scored.seconds), trials),
    }


def _row(members: Sequence[Trial], others: Sequence[Trial], threshold: float) -> Row:
    scored = [trial for trial in members if trial.scored.spoof_llr is not None]
    opposed = scored + [trial for trial in others if trial.scored.spoof_llr is not None]
    decided = [trial for trial in members if trial.scored.result is not None]
    probabilities, spoof = _probabilities(scored), _spoof(scored)
    return Row(
        n_bonafide=sum(not trial.recording.spoof for trial in members),
        n_spoof=sum(trial.recording.spoof for trial in members),
        n_scored=len(scored),
        eer=_value(metrics.eer, _llrs(opposed), _spoof(opposed)),
        auc=_value(metrics.auc, _llrs(opposed), _spoof(opposed)),
        **{
            name: _value(metric, probabilities, spoof)
            for name, metric in _threshold_metrics(threshold).items()
        },
        coverage=metrics.coverage(len(decided), len(members)),
        selective_error=_selective_error(decided),
    )


def _threshold_metrics(threshold: float) -> dict[str, Metric]:
    """Metrics of spoof probabilities at the decision threshold."""
    return {
        "accuracy": lambda scores, spoof: metrics.accuracy(scores, spoof, threshold),
        "bpcer": lambda scores, spoof: metrics.bpcer(scores, spoof, threshold),
        "apcer": lambda scores, spoof: metrics.apcer(scores, spoof, threshold),
    }


def _value(metric: Metric, scores: Scores, spoof: Labels) -> float | None:
    try:
        return metric(scores, spoof)
    except MissingClass:
        return None


def _selective_error(decided: Sequence[Trial]) -> float | None:
    return metrics.selective_error(_called_spoof(decided), _spoof(decided)) if decided else None


def _decision_intervals(
    trials: Sequence[Trial], decided: Sequence[Trial]
) -> dict[str, Interval | None]:
    covered = np.array([trial.scored.result is not None for trial in trials], dtype=np.float64)
    called = _called_spoof(decided)
    return {
        "coverage": interval(
            lambda covered, _: float(covered.mean()), covered, _spoof(trials), _resamples(trials)
        ),
        "selective_error": interval(
            lambda called, spoof: metrics.selective_error(called > 0, spoof),
            called.astype(np.float64),
            _spoof(decided),
            _resamples(decided),
        ),
    }


def _resamples(trials: Sequence[Trial]) -> list[Sample]:
    """Replicates over systems (sources for bona fide) x speakers; a blank is a cluster of one."""
    recordings = [trial.recording for trial in trials]
    first = [(r.system if r.spoof else r.source) or r.path for r in recordings]
    second = [f"{r.source}/{r.speaker}" if r.speaker else r.source or r.path for r in recordings]
    return resamples(first, second, _spoof(trials))


def _llrs(trials: Sequence[Trial]) -> Scores:
    return np.array([trial.scored.spoof_llr for trial in trials], dtype=np.float64)


def _probabilities(trials: Sequence[Trial]) -> Scores:
    return np.array([trial.scored.spoof_probability for trial in trials], dtype=np.float64)


def _spoof(trials: Sequence[Trial]) -> Labels:
    return np.array([trial.recording.spoof for trial in trials], dtype=np.bool_)


def _called_spoof(trials: Sequence[Trial]) -> Labels:
    return np.array(
        [trial.scored.result is not Result.BONAFIDE for trial in trials], dtype=np.bool_
    )
