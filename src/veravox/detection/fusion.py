"""From the windows' LLRs to the recording's.

Windows of one recording are correlated, so their LLRs are never summed. The file LLR is a
logistic regression on mean, mean of the top fifth, minimum, standard deviation and log count,
written as the mean plus corrections that vanish for a single window.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from veravox.detection.calibration import balanced_logistic
from veravox.detection.card import FileFusion

RIDGE = 0.01
LONGEST_FITTED = 12
"""The log count is held from here on: weights are fitted on recordings of at most a minute."""


def file_llr(window_llrs: Sequence[float], fusion: FileFusion) -> float:
    """The recording's spoof_llr from those of its windows, of which there is at least one."""
    mean, corrections = _terms(window_llrs)
    weights = (fusion.top_fifth, fusion.minimum, fusion.deviation, fusion.log_count)
    return mean + sum(w * c for w, c in zip(weights, corrections, strict=True))


def fit_fusion(recordings: Sequence[Sequence[float]], spoof: Sequence[bool]) -> FileFusion:
    """The fusion weights that fit labelled recordings, each a list of calibrated window LLRs.

    A small ridge pulls towards the plain mean. Raises InvalidRequest when a class is missing.
    """
    terms = [_terms(recording) for recording in recordings]
    offset = np.array([mean for mean, _ in terms])
    features: NDArray[np.float64] = np.array([corrections for _, corrections in terms])
    labels = np.asarray(spoof, dtype=np.bool_)
    top_fifth, minimum, deviation, log_count = balanced_logistic(features, labels, offset, RIDGE)
    return FileFusion(
        top_fifth=float(top_fifth),
        minimum=float(minimum),
        deviation=float(deviation),
        log_count=float(log_count),
    )


def _terms(window_llrs: Sequence[float]) -> tuple[float, tuple[float, float, float, float]]:
    """The mean, and the four corrections in the order of FileFusion's fields."""
    n = len(window_llrs)
    mean = math.fsum(window_llrs) / n
    highest = sorted(window_llrs, reverse=True)[: math.ceil(n / 5)]
    top_fifth = math.fsum(highest) / len(highest)
    deviation = math.sqrt(math.fsum((llr - mean) ** 2 for llr in window_llrs) / n)
    return mean, (
        top_fifth - mean,
        min(window_llrs) - mean,
        deviation,
        math.log(min(n, LONGEST_FITTED)),
    )
