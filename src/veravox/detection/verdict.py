"""What is concluded about a recording and about each of its windows."""

from dataclasses import dataclass
from enum import StrEnum


class Result(StrEnum):
    """The conclusion on a recording; a window is never `PARTIALLY_SPOOFED`."""

    BONAFIDE = "bonafide"
    SPOOFED = "spoofed"
    PARTIALLY_SPOOFED = "partially_spoofed"


class Reason(StrEnum):
    """Why there is no conclusion."""

    SILENCE = "Silence"
    NO_SPEECH = "No speech detected"
    TOO_LITTLE_SPEECH = "Too little speech for a reliable verdict"
    POOR_QUALITY = "Audio quality too poor"
    UNCERTAIN = "All chunks in uncertain range"
    FAILED = "Analysis of the segment failed"


@dataclass(frozen=True, slots=True)
class Segment:
    """One window: `start` and `end` in seconds, `silence` the share 0..1 without speech.

    `spoof_llr` is None when the window was not scored. `halfway`: the LLRs of the windows half a
    window earlier and later, looked at when only this one of its neighbours is suspicious.
    `families`: probabilities of the card's families, kept of windows above the threshold. Once
    decided, exactly one of `result` and
    `reason` is set; a scored window has a `reason` when the whole recording is too poor.
    """

    index: int
    start: float
    end: float
    silence: float
    spoof_llr: float | None = None
    result: Result | None = None
    reason: Reason | None = None
    halfway: tuple[float, float] | None = None
    families: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class GeneratorFamily:
    """The family of generators that a spoof is taken for, or ``unknown``; confidence 0..1."""

    family: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """The conclusion on the whole recording.

    `spoof_llr` is None only when no window was scored; `result` is None exactly when `reason` is
    set, which includes scores inside the indecision band.
    """

    spoof_llr: float | None
    result: Result | None
    reason: Reason | None
