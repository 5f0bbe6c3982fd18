"""Recordings with what a detector concluded about them."""

from dataclasses import dataclass

from veravox.detection.verdict import Result
from veravox.evaluation.manifest import Recording


@dataclass(frozen=True, slots=True)
class ScoredFile:
    """What a detector concluded about one recording.

    `spoof_llr` and `spoof_probability` are None when no part of it was scored; `result` is None
    when the detector abstained, with the `reason`; `seconds` is the duration, None if unknown.
    """

    spoof_llr: float | None
    spoof_probability: float | None
    result: Result | None
    reason: str | None
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Trial:
    """A recording of the manifest and the detector's conclusion on it."""

    recording: Recording
    scored: ScoredFile
