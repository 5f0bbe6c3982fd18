"""The decision constants of the card, and its measured tables, on held-out speakers."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from training.speaker.frontend import Floats
from training.speaker.teachers import Teacher
from training.speaker.trials import Excerpt, Trials
from veravox.detection.calibration import balanced_logistic
from veravox.evaluation.metrics import eer
from veravox.evaluation.speaker.metrics import (
    false_match_rate,
    false_non_match_rate,
    min_dcf,
)
from veravox.speaker.card import Calibration, Normalisation, OperatingPoint, QualityLimits
from veravox.speaker.embedding import Embedding
from veravox.speaker.encoder import SpeakerEncoder
from veravox.speaker.scoring import SMALLEST_DEVIATION, llr

RATES = (0.05, 0.01, 0.001)
DEFAULT_RATE = 0.01
NEAREST = 100
REJECTED_TARGETS = 0.01
RIDGE = 1e-4
WEAK_ENROLMENTS = 0.01
LIMITS = {"test_speech": 1.0, "enrol_speech": 6.0, "snr_db": 5.0, "clipping_ratio": 0.01}


@dataclass(frozen=True, slots=True)
class Scored:
    """The trials of one corpus in one condition: s-normalised scores, (enrolments, tests)."""

    trials: Trials
    scores: np.ndarray

    def llrs(self, calibration: Calibration) -> np.ndarray:
        """Calibrated, the same shape."""
        tests = [t.quality for t in self.trials.tests]
        shifts = [llr(0.0, quality.net_speech, quality.snr_db, calibration) for quality in tests]
        return calibration.slope * self.scores + np.array(shifts)


class Listener:
    """Embeds excerpts as serving does, each once however many conditions it is in."""

    def __init__(self, encoder: SpeakerEncoder) -> None:
        """Has heard nothing yet."""
        self.encoder = encoder
        self._heard: dict[bytes, tuple[Embedding, Floats]] = {}

    def __call__(self, excerpt: Excerpt) -> tuple[Embedding, Floats]:
        """The embedding and those of its parts."""
        key = hashlib.sha256(excerpt.samples.tobytes()).digest()
        if key not in self._heard:
            self._heard[key] = self.encoder.embed(excerpt.samples)
        return self._heard[key]


def score(trials: Trials, listener: Listener) -> Scored:
    """Scores as serving makes them: `veravox.speaker.scoring.normalised` of all pairs at once."""
    enrolled = np.stack([listener(e)[0] for e in trials.enrolments])
    tested = np.stack([listener(t)[0] for t in trials.tests])
    cohort = listener.encoder.cohort
    cosines = enrolled @ tested.T
    rows, columns = _nearest(enrolled @ cohort.T), _nearest(tested @ cohort.T)
    sides = (
        (cosines - rows.mean(axis=1)[:, None]) / _deviation(rows)[:, None],
        (cosines - columns.mean(axis=1)[None, :]) / _deviation(columns)[None, :],
    )
    return Scored(trials, 0.5 * (sides[0] + sides[1]))


def _nearest(scores: np.ndarray) -> np.ndarray:
    """The part of each row of cohort scores that normalisation looks at."""
    return np.sort(scores, axis=1)[:, -NEAREST:].astype(np.float64)


def _deviation(nearest: np.ndarray) -> np.ndarray:
    return np.maximum(nearest.std(axis=1), SMALLEST_DEVIATION)


def teacher_eer(trials: Trials, teacher: Teacher) -> float:
    """EER of a teacher's plain cosines on the same trials."""
    enrolled = teacher([e.samples for e in trials.enrolments])
    tested = teacher([t.samples for t in trials.tests])
    return eer((enrolled @ tested.T).ravel().astype(np.float64), trials.targets().ravel())


def fit_calibration(scored: Sequence[Scored]) -> Calibration:
    """The map with terms of quality that minimises the balanced logistic loss."""
    columns: list[np.ndarray] = []
    for part in scored:
        unit = Calibration(slope=1.0, intercept=0.0)
        terms = [
            Scored(part.trials, np.zeros_like(part.scores)).llrs(
                unit.model_copy(update={name: 1.0})
            )
            for name in ("intercept", "speech", "noise")
        ]
        columns.append(np.column_stack([part.scores.ravel(), *(term.ravel() for term in terms)]))
    features = np.concatenate(columns)
    targets = np.concatenate([part.trials.targets().ravel() for part in scored])
    slope, intercept, speech, noise = balanced_logistic(
        features, targets, np.zeros(len(features)), RIDGE
    ).tolist()
    return Calibration(slope=slope, intercept=intercept, speech=speech, noise=noise)


def operating_points(
    scored: Sequence[Scored], calibration: Calibration
) -> tuple[OperatingPoint, ...]:
    """A threshold for each rate of false matches, every corpus weighing the same."""
    llrs = [part.llrs(calibration) for part in scored]
    others = [values[~p.trials.targets()] for values, p in zip(llrs, scored, strict=True)]
    owners = [values[p.trials.targets()] for values, p in zip(llrs, scored, strict=True)]
    low = _quantile(owners, REJECTED_TARGETS)
    return tuple(
        OperatingPoint(false_match_rate=rate, threshold=t, reject_below=min(low, t))
        for rate, t in ((rate, _quantile(others, 1.0 - rate)) for rate in RATES)
    )


def quality_limits(scored: Sequence[Scored], listener: Listener) -> QualityLimits:
    """Limits; one in a hundred enrolments of one speaker is taken for several."""
    similarities: list[float] = []
    for part in scored:
        for enrolment in part.trials.enrolments:
            whole, parts = listener(enrolment)
            similarities.append(float((parts @ whole).mean()))
    lowest = float(np.quantile(similarities, WEAK_ENROLMENTS))
    return QualityLimits(self_similarity=round(lowest, 3), **LIMITS)


def table(
    scored: Mapping[str, Scored], teachers: Mapping[str, Teacher]
) -> dict[str, dict[str, float]]:
    """Errors of each corpus, the threshold fitted on the other corpora; rates 0..1."""
    rows: dict[str, dict[str, float]] = {}
    for name, part in scored.items():
        others = [other for key, other in scored.items() if key != name]
        calibration = fit_calibration(others)
        points = operating_points(others, calibration)
        point = next(p for p in points if p.false_match_rate == DEFAULT_RATE)
        llrs, targets = part.llrs(calibration), part.trials.targets()
        flat, same = (llrs.ravel(), targets.ravel()), part.trials.same_session()
        row = {
            "eer": eer(*flat),
            "min_dcf": min_dcf(*flat),
            "fmr": false_match_rate(*flat, point.threshold),
            "fnmr": false_non_match_rate(*flat, point.threshold),
            "targets": float(targets.sum()),
            "nontargets": float((~targets).sum()),
        }
        for title, keep in (("same_session", same | ~targets), ("cross_session", ~same)):
            if targets[keep].any():
                row[f"eer_{title}"] = eer(llrs[keep], targets[keep])
        for teacher, embed in teachers.items():
            row[f"eer_of_{teacher}"] = teacher_eer(part.trials, embed)
        rows[name] = {key: round(value, 4) for key, value in row.items()}
    return rows


def normalisation() -> Normalisation:
    """Against the hundred nearest of the cohort."""
    return Normalisation(nearest=NEAREST)


def cohort_rows(means: Floats, centre: Floats) -> np.ndarray:
    """Centred unit embeddings of the speakers as float16."""
    centred = means - centre
    return (centred / np.linalg.norm(centred, axis=1, keepdims=True)).astype(np.float16)


def _quantile(groups: Sequence[np.ndarray], share: float) -> float:
    """The value below which `share` of the groups lies, every group weighing the same."""
    values = np.concatenate(groups)
    weights = np.concatenate([np.full(g.size, 1.0 / g.size) for g in groups])
    order = np.argsort(values)
    cumulative = np.cumsum(weights[order]) / weights.sum()
    return float(values[order][np.searchsorted(cumulative, share)])
