"""Which kind of generator made a spoofed recording, where the model can tell.

The model's second output gives each window a logit for every family that the card lists. Families
are averaged over the spoofed windows; below the card's confidence the generator is unknown, which
is the usual answer for one that training did not have.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from veravox.detection.card import Attribution, ModelCard
from veravox.detection.verdict import GeneratorFamily, Result, Segment, Verdict

UNKNOWN = "unknown"
DECIMALS = 4


def family_probabilities(
    logits: NDArray[np.float32], attribution: Attribution
) -> tuple[float, ...]:
    """Probabilities of the card's families, from one window's logits, shape (families,)."""
    scaled = np.asarray(logits, dtype=np.float64) / attribution.temperature
    odds = np.exp(scaled - scaled.max())
    return tuple(round(float(share), DECIMALS) for share in odds / odds.sum())


def attribute(
    segments: Sequence[Segment], verdict: Verdict, card: ModelCard
) -> GeneratorFamily | None:
    """The family of the generator of a spoofed recording, ``unknown`` below the confidence.

    None unless the verdict is spoofed, and for a model without attribution.
    """
    if verdict.result is not Result.SPOOFED or card.attribution is None:
        return None
    known = [s.families for s in segments if s.families and s.result is Result.SPOOFED]
    if not known:
        return None
    mean = np.mean(np.array(known), axis=0)
    best = int(mean.argmax())
    confidence = float(mean[best])
    certain = confidence >= card.attribution.confidence
    family = card.attribution.families[best] if certain else UNKNOWN
    return GeneratorFamily(family, round(confidence, DECIMALS))
