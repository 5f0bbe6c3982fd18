"""The joint decision: is it this person, and is it a genuine voice at all.

A cloned voice passes a comparison of speakers by design, so a match counts only when the detector
has called the recording bona fide.
"""

from dataclasses import dataclass
from enum import StrEnum

from veravox.detection.verdict import Result, Verdict
from veravox.speaker.card import OperatingPoint


class Decision(StrEnum):
    """What follows from a verification."""

    ACCEPT = "accept"
    REJECT = "reject"
    INCONCLUSIVE = "inconclusive"


class Doubt(StrEnum):
    """Why a verification is not accepted."""

    SPOOFED = "The recording is spoofed"
    PARTLY_SPOOFED = "Parts of the recording are spoofed"
    SPOOF_UNKNOWN = "No verdict on whether the recording is spoofed"
    TOO_LITTLE_SPEECH = "Too little speech to compare voices"
    POOR_QUALITY = "Audio quality too poor to compare voices"
    ANOTHER_SPEAKER = "Another speaker"
    UNCERTAIN = "The similarity lies between the two thresholds"
    SEVERAL_CANDIDATES = "Several enrolled voices are equally similar"


@dataclass(frozen=True, slots=True)
class Ruling:
    """A decision; `doubt` is None exactly when it is to accept."""

    decision: Decision
    doubt: Doubt | None

    @property
    def is_match(self) -> bool:
        """Whether the voice is accepted."""
        return self.decision is Decision.ACCEPT


def rule(
    llr: float,
    point: OperatingPoint,
    spoof: Verdict,
    unfit: Doubt | None = None,
    *,
    spoof_verdict_needed: bool = True,
) -> Ruling:
    """The ruling on a comparison with this `llr`, positive = the same speaker.

    `unfit`: what makes the recording no good for comparing voices. With `spoof_verdict_needed` a
    recording without a verdict of the detector is never accepted.
    """
    if spoof.result is Result.SPOOFED:
        return Ruling(Decision.REJECT, Doubt.SPOOFED)
    if spoof.result is Result.PARTIALLY_SPOOFED:
        return Ruling(Decision.REJECT, Doubt.PARTLY_SPOOFED)
    if unfit is not None:
        return Ruling(Decision.INCONCLUSIVE, unfit)
    if llr < point.reject_below:
        return Ruling(Decision.REJECT, Doubt.ANOTHER_SPEAKER)
    if spoof.result is None and spoof_verdict_needed:
        return Ruling(Decision.INCONCLUSIVE, Doubt.SPOOF_UNKNOWN)
    if llr < point.threshold:
        return Ruling(Decision.INCONCLUSIVE, Doubt.UNCERTAIN)
    return Ruling(Decision.ACCEPT, None)
