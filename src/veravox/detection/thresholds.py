"""The decision constants that a model is shipped with: the indecision band and tau_n.

Both are distances, in LLR, from the decision threshold.
"""

import math
from collections.abc import Sequence

import numpy as np

from veravox.detection.calibration import spoof_probability, threshold_llr
from veravox.detection.card import IndecisionBand, PartialRule
from veravox.errors import InvalidRequest

SELECTIVE_ERROR = 0.05
COVERAGE = 0.80
FAMILY_WISE_PERCENTILE = 99.0
MINIMUM_RUNS = 100


def fit_band(
    file_llrs: Sequence[float], spoof: Sequence[bool], threshold: float = 0.5
) -> IndecisionBand:
    """The smallest symmetric band that leaves at most 5 % errors among the decided files.

    It never takes more than 20 % of the files: where 5 % cannot be reached, the band is the one
    with the fewest errors within that coverage. Raises InvalidRequest without files.
    """
    distance = np.asarray(file_llrs, dtype=np.float64) - threshold_llr(threshold)
    if not distance.size:
        raise InvalidRequest("Fitting the indecision band needs scored files")
    wrong = (distance >= 0.0) != np.asarray(spoof, dtype=np.bool_)
    widths = [0.0, *np.unique(np.abs(distance)).tolist()]
    best, fewest = 0.0, math.inf
    for width in widths:
        decided = np.abs(distance) >= width
        if decided.mean() < COVERAGE:
            break
        error = float(wrong[decided].mean())
        if error < fewest:
            best, fewest = width, error
        if error <= SELECTIVE_ERROR:
            break
    return IndecisionBand(low=-best, high=best)


def fit_threshold(llrs: Sequence[float], spoof: Sequence[bool]) -> float:
    """The threshold on the spoof probability with the least mean of APCER and BPCER.

    Thresholds lie half-way between neighbouring scores; of equals the one closest to 0.5 is taken.
    Raises InvalidRequest when a class is missing.
    """
    labels = np.asarray(spoof, dtype=np.bool_)
    if labels.all() or not labels.any():
        raise InvalidRequest("Fitting a threshold needs bona fide and spoof examples")
    scores = np.asarray(llrs, dtype=np.float64)
    distinct = np.unique(scores)
    candidates = np.concatenate(((distinct[1:] + distinct[:-1]) / 2.0, [0.0]))
    missed = np.searchsorted(np.sort(scores[labels]), candidates) / labels.sum()
    accepted = np.searchsorted(np.sort(scores[~labels]), candidates) / (~labels).sum()
    cost = missed + 1.0 - accepted
    best = candidates[np.isclose(cost, cost.min())]
    return spoof_probability(float(best[np.argmin(np.abs(best))]))


def fit_tau(
    bonafide_recordings: Sequence[Sequence[float]], threshold: float = 0.5
) -> tuple[tuple[int, float], ...]:
    """(n, tau_n) for n = 1, 2, 4 ...: the 99th percentile of the highest of n windows in a row.

    Taken over all runs of n windows in long bona fide recordings, as far as there are 100 runs.
    Raises InvalidRequest when there are not even 100 windows.
    """
    table: list[tuple[int, float]] = []
    n = 1
    while len(runs := _highest_of_runs(bonafide_recordings, n)) >= MINIMUM_RUNS:
        tau = float(np.percentile(runs, FAMILY_WISE_PERCENTILE)) - threshold_llr(threshold)
        table.append((n, max(tau, table[-1][1]) if table else tau))
        n *= 2
    if not table:
        raise InvalidRequest(f"Fitting tau needs at least {MINIMUM_RUNS} bona fide windows")
    return tuple(table)


def tau_for(n: int, rule: PartialRule) -> float:
    """tau_n for a recording of `n` scored windows, never below the decision threshold itself.

    Linear in log n, as the highest of n draws from an exponential tail grows: between the entries
    of the table, and beyond the last one with the slope of the whole table.
    """
    counts = np.log([count for count, _ in rule.tau])
    taus = [tau for _, tau in rule.tau]
    tau = float(np.interp(math.log(n), counts, taus))
    beyond = math.log(n) - float(counts[-1])
    if beyond > 0.0 and len(taus) > 1:
        tau += beyond * (taus[-1] - taus[0]) / float(counts[-1] - counts[0])
    return max(tau, 0.0)


def _highest_of_runs(recordings: Sequence[Sequence[float]], n: int) -> list[float]:
    return [
        max(recording[i : i + n]) for recording in recordings for i in range(len(recording) - n + 1)
    ]
