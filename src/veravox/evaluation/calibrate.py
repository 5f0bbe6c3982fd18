"""`veravox calibrate`: fit calibration, threshold and indecision band on an operator's own audio.

What is fitted is an affine map from the model's LLRs of whole recordings to LLRs on this audio.
Error rates are estimated by cross-fitting: each recording is judged by constants that were fitted
without its group, which is its system, or its speaker or source where it is bona fide.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from veravox.detection.calibration import calibrated, fit_calibration, threshold_llr
from veravox.detection.card import Calibration, IndecisionBand, ModelCard
from veravox.detection.site import SiteCalibration, SiteData, sealed
from veravox.detection.thresholds import fit_band, fit_threshold
from veravox.errors import NotSeparable
from veravox.evaluation import metrics
from veravox.evaluation.bootstrap import Sample, interval, resamples
from veravox.evaluation.manifest import Recording
from veravox.evaluation.metrics import Labels, Scores
from veravox.evaluation.trials import Trial

MINIMUM_RECORDINGS = 30
LARGEST_EER = 0.35
REVERSED_AUC = 0.4
FOLDS = 5


@dataclass(frozen=True, slots=True)
class _Constants:
    """What turns a model's file LLR into a decision; `cut` is the threshold as an LLR."""

    adjustment: Calibration
    threshold: float
    band: IndecisionBand

    @property
    def cut(self) -> float:
        return threshold_llr(self.threshold)

    def llrs(self, scores: Scores) -> Scores:
        return self.adjustment.slope * scores + self.adjustment.intercept


def calibrate(trials: Sequence[Trial], card: ModelCard, manifest: Path) -> SiteCalibration:
    """The calibration that `trials`, scored with the model's own `card`, give.

    Raises NotSeparable, with a sentence for the operator, when fewer than 30 recordings of either
    class have a score, when the classes are in the wrong order, when the EER is above 35 %, or
    when the 95 % interval of the AUC reaches 0.5.
    """
    scored = [trial for trial in trials if trial.scored.spoof_llr is not None]
    scores = np.array([trial.scored.spoof_llr for trial in scored], dtype=np.float64)
    spoof = np.array([trial.recording.spoof for trial in scored], dtype=np.bool_)
    _require_enough(spoof, len(trials) - len(scored))
    _require_separation([trial.recording for trial in scored], scores, spoof)
    constants = _fit(scores, spoof)
    return sealed(
        card=card,
        created=date.today(),
        data=SiteData(
            sha256=hashlib.sha256(manifest.read_bytes()).hexdigest(),
            n_bonafide=int((~spoof).sum()),
            n_spoof=int(spoof.sum()),
            n_unscored=len(trials) - len(scored),
        ),
        adjustment=constants.adjustment,
        threshold=constants.threshold,
        band=constants.band,
        measured={
            "before": _measured(
                scores, _relative(scores, threshold_llr(card.threshold), card.band), spoof
            ),
            "after": _cross_fitted([trial.recording for trial in scored], scores, spoof),
        },
    )


def _require_enough(spoof: Labels, unscored: int) -> None:
    for name, count in (("bona fide", int((~spoof).sum())), ("spoof", int(spoof.sum()))):
        if count < MINIMUM_RECORDINGS:
            raise NotSeparable(
                f"Calibration needs at least {MINIMUM_RECORDINGS} {name} recordings with a score; "
                f"there are {count} ({unscored} recordings have no score)"
            )


def _require_separation(recordings: Sequence[Recording], scores: Scores, spoof: Labels) -> None:
    error, area = metrics.eer(scores, spoof), metrics.auc(scores, spoof)
    if area < REVERSED_AUC:
        raise NotSeparable(
            f"Spoofs score below bona fide recordings here (AUC {area:.2f}): check the labels"
        )
    if error > LARGEST_EER:
        raise NotSeparable(
            f"The classes do not separate: EER {100 * error:.0f} %, at most "
            f"{100 * LARGEST_EER:.0f} % can be calibrated. Another threshold would not help; "
            "the model does not know this audio"
        )
    systems = [r.system if r.spoof else r.source for r in recordings]
    speakers = [f"{r.source}/{r.speaker}" if r.speaker else r.path for r in recordings]
    bounds = interval(metrics.auc, scores, spoof, resamples(systems, speakers, spoof))
    if bounds is None or bounds[0] <= 0.5:
        low = "unknown" if bounds is None else f"{bounds[0]:.2f}"
        raise NotSeparable(
            f"It is not certain that the classes separate: AUC {area:.2f}, lower end of its 95 % "
            f"interval {low}. Add recordings, of more systems and speakers"
        )


def _fit(scores: Scores, spoof: Labels) -> _Constants:
    """Raises NotSeparable when the classes are in the wrong order."""
    labels = spoof.tolist()
    adjustment = fit_calibration(scores.tolist(), labels)
    llrs = [calibrated(score, adjustment) for score in scores.tolist()]
    threshold = fit_threshold(llrs, labels)
    return _Constants(adjustment, threshold, fit_band(llrs, labels, threshold))


def _cross_fitted(
    recordings: Sequence[Recording], scores: Scores, spoof: Labels
) -> dict[str, float]:
    """Error rates of each fold's recordings at the constants that the other folds give."""
    folds = _deal(recordings)
    llrs, decisions = np.zeros_like(scores), np.zeros_like(scores)
    for fold in range(FOLDS):
        held_out = folds == fold
        if not held_out.any():
            continue
        constants = _fit(scores[~held_out], spoof[~held_out])
        llrs[held_out] = constants.llrs(scores[held_out])
        decisions[held_out] = _relative(llrs[held_out], constants.cut, constants.band)
    return _measured(llrs, decisions, spoof)


def _deal(recordings: Sequence[Recording]) -> Sample:
    """A fold for each recording: whole groups, the largest first, to the emptiest fold.

    A class with fewer groups than folds is dealt recording by recording.
    """
    folds = np.zeros(len(recordings), dtype=np.intp)
    for label in (False, True):
        members = [i for i, recording in enumerate(recordings) if recording.spoof is label]
        names = {i: _group(recordings[i]) for i in members}
        if len(set(names.values())) < FOLDS:
            names = {i: recordings[i].path for i in members}
        sizes = Counter(names.values())
        load = [0] * FOLDS
        places: dict[str, int] = {}
        for name in sorted(sizes, key=lambda n: (-sizes[n], n)):
            places[name] = load.index(min(load))
            load[places[name]] += sizes[name]
        for i in members:
            folds[i] = places[names[i]]
    return folds


def _group(recording: Recording) -> str:
    if recording.spoof:
        return recording.system or recording.path
    return f"{recording.source}/{recording.speaker or recording.path}"


def _relative(llrs: Scores, cut: float, band: IndecisionBand) -> Scores:
    """Distance from the threshold of decided recordings, NaN inside the band."""
    distance = llrs - cut
    return np.where((band.low < distance) & (distance < band.high), np.nan, distance)


def _measured(llrs: Scores, decisions: Scores, spoof: Labels) -> dict[str, float]:
    """EER and Cllr of all recordings; APCER and BPCER of the decided ones, and their share."""
    decided = ~np.isnan(decisions)
    rates = {
        "eer": metrics.eer(llrs, spoof),
        "cllr": metrics.cllr(llrs, spoof),
        "min_cllr": metrics.min_cllr(llrs, spoof),
        "coverage": float(decided.mean()),
        "selective_error": metrics.selective_error(decisions[decided] >= 0.0, spoof[decided]),
    }
    for name, rate, label in (("apcer", metrics.apcer, True), ("bpcer", metrics.bpcer, False)):
        if (spoof[decided] == label).any():
            rates[name] = rate(decisions[decided], spoof[decided], 0.0)
    return {name: round(value, 4) for name, value in rates.items()}
