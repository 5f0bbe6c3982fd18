"""Detection metrics as pure functions of scores and labels.

Scores are `spoof_llr`s, shape (n,), positive = spoof; labels are True for spoof. A recording is
called spoofed when its score is at or above a threshold. The two errors, as in ISO/IEC 30107-3:

* APCER, a spoof accepted as bona fide: the false negatives, where spoof is the positive class;
* BPCER, bona fide rejected as spoof: the false positives.

Equal scores are never put in an order that favours either class. Each function raises MissingClass
when it lacks the recordings that it needs.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression
from scipy.special import logit
from scipy.stats import rankdata

Scores = NDArray[np.float64]
Labels = NDArray[np.bool_]
Rates = NDArray[np.float64]
Metric = Callable[[Scores, Labels], float]

PI_SPOOF = 0.05
COST_MISS = 1.0
COST_FALSE_ACCEPT = 10.0


class MissingClass(ValueError):
    """A metric is not defined without recordings of the class that the message names."""


class ErrorRates(NamedTuple):
    """APCER and BPCER, 0..1, of a row of thresholds from lowest to highest."""

    apcer: Rates
    bpcer: Rates


class _Pool(NamedTuple):
    """Recordings with one optimally calibrated score, per class; pools in rising score."""

    n_spoof: Rates
    n_bonafide: Rates


def apcer(scores: Scores, spoof: Labels, threshold: float) -> float:
    """Share of spoofs with a score below `threshold`, 0..1."""
    _require(bool(spoof.any()), "spoof")
    return _share(scores[spoof] < threshold)


def bpcer(scores: Scores, spoof: Labels, threshold: float) -> float:
    """Share of bona fide recordings with a score at or above `threshold`, 0..1."""
    _require(not bool(spoof.all()), "bona fide")
    return _share(scores[~spoof] >= threshold)


def accuracy(scores: Scores, spoof: Labels, threshold: float) -> float:
    """Share of recordings, 0..1, on the right side of `threshold`; classes as they come."""
    _require(spoof.size > 0, "scored")
    return _share((scores >= threshold) == spoof)


def det_curve(scores: Scores, spoof: Labels) -> ErrorRates:
    """The error rates at every threshold that divides the scores differently.

    From "all are spoofed" (APCER 0, BPCER 1) to "none is" (APCER 1, BPCER 0).
    """
    return _rates(_tied(scores, spoof))


def convex_hull(scores: Scores, spoof: Labels) -> ErrorRates:
    """The vertices of the lower convex hull of the DET points (the ROC convex hull)."""
    return _rates(_pooled(scores, spoof))


def eer(scores: Scores, spoof: Labels) -> float:
    """Equal error rate, 0..0.5, where the ROC convex hull meets APCER = BPCER.

    After Brümmer & de Villiers, The BOSARIS Toolkit, 2013.
    """
    hull = convex_hull(scores, spoof)
    return float(np.interp(0.0, hull.apcer - hull.bpcer, hull.apcer))


def auc(scores: Scores, spoof: Labels) -> float:
    """Probability, 0..1, that a spoof scores above a bona fide recording; a tie counts half."""
    _require_both(spoof)
    n_spoof = int(spoof.sum())
    n_bonafide = spoof.size - n_spoof
    ranks = float(rankdata(scores)[spoof].sum())
    return (ranks - n_spoof * (n_spoof + 1) / 2) / (n_spoof * n_bonafide)


def min_dcf(scores: Scores, spoof: Labels) -> float:
    """Lowest normalised detection cost over all thresholds, 0..1.

    DCF = Cmiss (1 - pi) BPCER + Cfa pi APCER, over the smaller of Cmiss (1 - pi) and Cfa pi, as
    in the ASVspoof 5 evaluation plan (2024): there a miss is a rejected bona fide recording.
    pi_spoof 0.05, Cmiss 1, Cfa 10.
    """
    hull = convex_hull(scores, spoof)
    return min(_dcf(a, b) for a, b in zip(hull.apcer.tolist(), hull.bpcer.tolist(), strict=True))


def act_dcf(scores: Scores, spoof: Labels) -> float:
    """Normalised detection cost, 0 or more, at the Bayes threshold that calibrated LLRs imply."""
    _require_both(spoof)
    bayes = math.log(COST_MISS * (1 - PI_SPOOF) / (COST_FALSE_ACCEPT * PI_SPOOF))
    return _dcf(apcer(scores, spoof, bayes), bpcer(scores, spoof, bayes))


def cllr(scores: Scores, spoof: Labels) -> float:
    """Cost of the log likelihood ratios in bits (Brümmer & du Preez 2006); 1 = no information."""
    _require_both(spoof)
    missed = np.logaddexp(0.0, -scores[spoof]).mean()
    alarmed = np.logaddexp(0.0, scores[~spoof]).mean()
    return float((missed + alarmed) / (2.0 * math.log(2.0)))


def min_cllr(scores: Scores, spoof: Labels) -> float:
    """Cllr, 0..1 bits, after the best monotone recalibration of these very scores (PAV)."""
    pools = _pooled(scores, spoof)
    n_spoof, n_bonafide = float(pools.n_spoof.sum()), float(pools.n_bonafide.sum())
    share: Rates = pools.n_spoof / (pools.n_spoof + pools.n_bonafide)
    llrs: Scores = logit(share) - float(logit(n_spoof / (n_spoof + n_bonafide)))
    missed = _total(pools.n_spoof, np.logaddexp(0.0, -llrs)) / n_spoof
    alarmed = _total(pools.n_bonafide, np.logaddexp(0.0, llrs)) / n_bonafide
    return (missed + alarmed) / (2.0 * math.log(2.0))


def selective_error(called_spoof: Labels, spoof: Labels) -> float:
    """Share of wrong calls, 0..1, among the recordings that were decided at all."""
    _require(spoof.size > 0, "decided")
    return _share(called_spoof != spoof)


def coverage(n_decided: int, n_recordings: int) -> float:
    """Share of all recordings, 0..1, that were decided; the unscorable ones are not."""
    _require(n_recordings > 0, "any")
    return n_decided / n_recordings


def _total(counts: Rates, costs: Rates) -> float:
    """Sum of the costs; where there is no count the cost, possibly infinite, is of nobody."""
    return float(counts @ np.where(counts > 0, costs, 0.0))


def _dcf(apcer: float, bpcer: float) -> float:
    miss, false_accept = COST_MISS * (1 - PI_SPOOF), COST_FALSE_ACCEPT * PI_SPOOF
    return (miss * bpcer + false_accept * apcer) / min(miss, false_accept)


def _share(flags: Labels) -> float:
    return np.count_nonzero(flags) / flags.size


def _tied(scores: Scores, spoof: Labels) -> _Pool:
    """One pool for each distinct score."""
    _require_both(spoof)
    distinct, place = np.unique(scores, return_inverse=True)
    n_spoof = np.bincount(place[spoof], minlength=distinct.size).astype(np.float64)
    n_bonafide = np.bincount(place[~spoof], minlength=distinct.size).astype(np.float64)
    return _Pool(n_spoof, n_bonafide)


def _pooled(scores: Scores, spoof: Labels) -> _Pool:
    """Pools of rising spoof share, by pool-adjacent-violators: the segments of the ROC hull."""
    tied = _tied(scores, spoof)
    counts = tied.n_spoof + tied.n_bonafide
    starts = isotonic_regression(tied.n_spoof / counts, weights=counts).blocks[:-1]
    return _Pool(np.add.reduceat(tied.n_spoof, starts), np.add.reduceat(tied.n_bonafide, starts))


def _rates(pools: _Pool) -> ErrorRates:
    """The error rates with the threshold below, between and above the pools."""
    below_spoof = np.concatenate(([0.0], np.cumsum(pools.n_spoof)))
    below_bonafide = np.concatenate(([0.0], np.cumsum(pools.n_bonafide)))
    return ErrorRates(below_spoof / below_spoof[-1], 1.0 - below_bonafide / below_bonafide[-1])


def _require(present: bool, name: str) -> None:
    if not present:
        raise MissingClass(f"the metric needs {name} recordings")


def _require_both(spoof: Labels) -> None:
    _require(bool(spoof.any()), "spoof")
    _require(not bool(spoof.all()), "bona fide")
