"""From two embeddings to a calibrated log likelihood ratio that they are of one speaker.

Cosine, normalised by adaptive s-norm (Matějka et al., Analysis of Score Normalization in
Multilingual Speaker Recognition, 2017), then an affine map with terms of quality.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from veravox.audio.recording import Quality
from veravox.speaker.card import Calibration, Normalisation
from veravox.speaker.embedding import Embedding, cosine

REFERENCE_SPEECH = 4.0
SHORTEST_SPEECH = 0.5
REFERENCE_SNR = 20.0
SMALLEST_DEVIATION = 1e-3


@dataclass(frozen=True, slots=True)
class Comparison:
    """`cosine` of the angle between the two embeddings; `llr` that they are of one speaker."""

    cosine: float
    llr: float


def compare(
    reference: Embedding,
    tested: Embedding,
    quality: Quality,
    cohort: NDArray[np.float32],
    normalisation: Normalisation,
    calibration: Calibration,
) -> Comparison:
    """Compares the embedding of a recording of this `quality` with a reference.

    `cohort`: embeddings of other people, (n, 256).
    """
    plain = cosine(reference, tested)
    score = normalised(plain, cohort @ reference, cohort @ tested, normalisation.nearest)
    return Comparison(plain, llr(score, quality.net_speech, quality.snr_db, calibration))


def normalised(
    plain: float,
    reference_scores: NDArray[np.floating],
    test_scores: NDArray[np.floating],
    nearest: int,
) -> float:
    """The s-normalised score of a cosine, given both sides' cosines with the cohort, (n,)."""
    sides = [_standardised(plain, scores, nearest) for scores in (reference_scores, test_scores)]
    return 0.5 * sum(sides)


def llr(score: float, net_speech: float, snr_db: float | None, calibration: Calibration) -> float:
    """The calibrated LLR of a normalised score; a test of `net_speech` seconds, SNR in dB."""
    speech = math.log(max(net_speech, SHORTEST_SPEECH) / REFERENCE_SPEECH)
    noise = 0.0 if snr_db is None else min(0.0, snr_db - REFERENCE_SNR) / 10.0
    return (
        calibration.slope * score
        + calibration.intercept
        + calibration.speech * speech
        + calibration.noise * noise
    )


def match_probability(llr: float, threshold: float) -> float:
    """Probability of one speaker, 0..1, at the prior for which it is one half at `threshold`."""
    return 0.5 * (1.0 + math.tanh(0.5 * (llr - threshold)))


def _standardised(plain: float, scores: NDArray[np.floating], nearest: int) -> float:
    top = np.partition(scores, -nearest)[-nearest:] if scores.size > nearest else scores
    return (plain - float(top.mean())) / max(float(top.std()), SMALLEST_DEVIATION)
