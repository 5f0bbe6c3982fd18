"""From raw logits to calibrated LLRs, and from LLRs to probabilities.

The affine map is fitted by logistic regression at a balanced prior (Brümmer & du Preez 2006), so
that its output is a log likelihood ratio whatever the share of spoofs in the fitting data. The
targets are Platt's (1999), which keep the slope finite when the classes separate perfectly.
"""

import math
from collections.abc import Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from veravox.detection.card import Calibration
from veravox.errors import InvalidRequest

Floats = NDArray[np.float64]
Labels = NDArray[np.bool_]


def spoof_probability(spoof_llr: float, prior: float = 0.5) -> float:
    """Posterior probability of spoof, sigmoid(llr + logit(prior)). `prior` is between 0 and 1."""
    return 0.5 * (1.0 + math.tanh(0.5 * (spoof_llr + threshold_llr(prior))))


def threshold_llr(threshold: float) -> float:
    """The LLR at which the spoof probability is `threshold`; infinite at 0 and 1."""
    if threshold in (0.0, 1.0):
        return math.copysign(math.inf, threshold - 0.5)
    return math.log(threshold / (1.0 - threshold))


def calibrated(raw_logit: float, calibration: Calibration) -> float:
    """The spoof_llr of a model's raw logit."""
    return calibration.slope * raw_logit + calibration.intercept


def fit_calibration(
    raw_logits: Sequence[float], spoof: Sequence[bool], weights: Sequence[float] | None = None
) -> Calibration:
    """The affine map that minimises the balanced logistic loss of labelled logits.

    `weights`: how much each counts within its class, all the same unless given. Raises
    InvalidRequest when a class is missing, or when the logits do not separate the classes in the
    right direction.
    """
    logits = np.asarray(raw_logits, dtype=np.float64)
    labels = np.asarray(spoof, dtype=np.bool_)
    _class_counts(labels)
    spread = float(logits.std()) or 1.0
    centre = float(logits.mean())
    features = np.column_stack(((logits - centre) / spread, np.ones_like(logits)))
    relative = None if weights is None else np.asarray(weights, dtype=np.float64)
    slope, intercept = balanced_logistic(features, labels, np.zeros_like(logits), weights=relative)
    if slope <= 0.0:
        raise InvalidRequest("The scores do not separate bona fide from spoof")
    return Calibration(
        slope=float(slope / spread), intercept=float(intercept - slope * centre / spread)
    )


def balanced_logistic(
    features: Floats,
    spoof: Labels,
    offset: Floats,
    ridge: float = 0.0,
    weights: Floats | None = None,
) -> Floats:
    """Weights w, shape (k,), of the logistic regression offset + features @ w, shape (n, k).

    Both classes weigh the same, and within a class each example by `weights`; `ridge` times the
    squared norm of w is added to the mean loss. Raises InvalidRequest when a class is missing.
    """
    # Imported here: serving fits nothing, and SciPy's optimisers take 60 MB of memory.
    from scipy.optimize import minimize
    from scipy.special import expit

    n_spoof, n_bonafide = _class_counts(spoof)
    target = np.where(spoof, (n_spoof + 1) / (n_spoof + 2), 1 / (n_bonafide + 2))
    weight = np.ones(spoof.size, dtype=np.float64) if weights is None else weights.copy()
    for members in (spoof, ~spoof):
        weight[members] *= 0.5 / float(weight[members].sum())

    def loss(w: Floats) -> tuple[float, Floats]:
        llr = offset + features @ w
        cost = target * np.logaddexp(0.0, -llr) + (1.0 - target) * np.logaddexp(0.0, llr)
        gradient = features.T @ (weight * (expit(llr) - target)) + 2.0 * ridge * w
        return float(weight @ cost + ridge * (w @ w)), gradient

    start = np.zeros(features.shape[1])
    return cast(Floats, minimize(loss, start, jac=True, method="BFGS").x)


def _class_counts(spoof: Labels) -> tuple[int, int]:
    """The numbers of spoof and of bona fide examples; raises InvalidRequest when one is zero."""
    n_spoof = int(np.count_nonzero(spoof))
    if n_spoof in (0, spoof.size):
        raise InvalidRequest("Fitting needs bona fide and spoof examples")
    return n_spoof, spoof.size - n_spoof
