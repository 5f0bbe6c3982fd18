"""Metrics of comparing voices as pure functions of scores, labels and decisions.

Scores are LLRs, shape (n,), positive = the same speaker; `target` is True where it is. EER, Cllr
and minCllr are those of `veravox.evaluation.metrics` with targets as the positive class.

* FMR, false match rate: another speaker at or above the threshold;
* FNMR, false non-match rate: the same speaker below it (ISO/IEC 19795-1).
"""

import numpy as np

from veravox.evaluation.metrics import Labels, MissingClass, Scores, convex_hull

PI_TARGET = 0.01
COST_MISS = 1.0
COST_FALSE_ACCEPT = 1.0

ADCF_PI_TARGET = 0.9405
ADCF_PI_NONTARGET = 0.0095
ADCF_PI_SPOOF = 0.05
ADCF_COST_MISS = 1.0
ADCF_COST_NONTARGET = 10.0
ADCF_COST_SPOOF = 10.0


def false_match_rate(scores: Scores, target: Labels, threshold: float) -> float:
    """Share of the trials of two speakers at or above `threshold`, 0..1."""
    return _share(scores[~target] >= threshold, "non-target")


def false_non_match_rate(scores: Scores, target: Labels, threshold: float) -> float:
    """Share of the trials of one speaker below `threshold`, 0..1."""
    return _share(scores[target] < threshold, "target")


def min_dcf(scores: Scores, target: Labels) -> float:
    """Lowest normalised detection cost, 0..1: P(target) 0.01, both costs 1 (NIST SRE 2019)."""
    hull = convex_hull(scores, target)
    miss, false_accept = COST_MISS * PI_TARGET, COST_FALSE_ACCEPT * (1.0 - PI_TARGET)
    costs = miss * hull.apcer + false_accept * hull.bpcer
    return float(costs.min()) / min(miss, false_accept)


def a_dcf(accepted: Labels, target: Labels, spoof: Labels) -> float:
    """Normalised architecture-agnostic detection cost of decisions, 0 or more.

    After Shim et al., a-DCF: an architecture agnostic metric with application to spoofing-robust
    speaker verification, 2024. 1 is the cost of the better of accepting all and accepting none.
    """
    missed = _share(~accepted[target], "target")
    matched = _share(accepted[~target & ~spoof], "non-target")
    fooled = _share(accepted[spoof], "spoof")
    miss = ADCF_COST_MISS * ADCF_PI_TARGET
    nontarget = ADCF_COST_NONTARGET * ADCF_PI_NONTARGET
    spoofed = ADCF_COST_SPOOF * ADCF_PI_SPOOF
    cost = miss * missed + nontarget * matched + spoofed * fooled
    return cost / min(miss, nontarget + spoofed)


def _share(flags: Labels, name: str) -> float:
    if flags.size == 0:
        raise MissingClass(f"the metric needs {name} trials")
    return float(np.count_nonzero(flags)) / flags.size
