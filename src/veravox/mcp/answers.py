"""What the tools answer."""

from pydantic import BaseModel, Field

from veravox.analysis import Analysis
from veravox.detection.calibration import spoof_probability
from veravox.detection.verdict import Result, Segment
from veravox.speaker.decision import Decision
from veravox.voice_analysis import Verification

DECIMALS = 4


class Part(BaseModel):
    """A part of a recording; without a result where it was not scored, for the given reason."""

    start_seconds: float
    end_seconds: float
    spoof_probability: float | None
    result: Result | None
    reason: str | None


class Detection(BaseModel):
    """Whether a recording is genuine speech."""

    result: Result | None = Field(description="None where nothing can be concluded.")
    reason: str | None = Field(description="Why there is no result.")
    spoof_probability: float | None = Field(description="Of the whole recording, 0 to 1.")
    threshold: float = Field(description="Spoof probability from which a part counts as spoofed.")
    duration_seconds: float
    parts: list[Part]
    warnings: list[str]
    model: str


class Comparison(BaseModel):
    """Whether two recordings are of one person, and the first is genuine."""

    decision: Decision = Field(description="Never `accept` for a recording that is spoofed.")
    reason: str | None = Field(description="Why it is not `accept`.")
    llr: float = Field(
        description="Natural-log likelihood ratio that one person spoke both; 0 says nothing."
    )
    threshold: float = Field(description="LLR from which a voice is accepted.")
    spoof_probability: float | None = Field(description="Of the recording, 0 to 1.")
    spoof_result: Result | None
    model: str


def detection(analysis: Analysis) -> Detection:
    """The answer for an analysis."""
    return Detection(
        result=analysis.verdict.result,
        reason=analysis.verdict.reason,
        spoof_probability=_probability(analysis.verdict.spoof_llr),
        threshold=analysis.threshold,
        duration_seconds=round(analysis.duration, 3),
        parts=[_part(segment) for segment in analysis.segments],
        warnings=list(analysis.warnings),
        model=analysis.model_id,
    )


def comparison(verification: Verification) -> Comparison:
    """The answer for a comparison of voices."""
    verdict = verification.analysis.verdict
    return Comparison(
        decision=verification.ruling.decision,
        reason=verification.ruling.doubt,
        llr=round(verification.comparison.llr, DECIMALS),
        threshold=round(verification.point.threshold, DECIMALS),
        spoof_probability=_probability(verdict.spoof_llr),
        spoof_result=verdict.result,
        model=verification.model_id,
    )


def _part(segment: Segment) -> Part:
    return Part(
        start_seconds=round(segment.start, 3),
        end_seconds=round(segment.end, 3),
        spoof_probability=_probability(segment.spoof_llr),
        result=segment.result,
        reason=segment.reason,
    )


def _probability(spoof_llr: float | None) -> float | None:
    return None if spoof_llr is None else round(spoof_probability(spoof_llr), DECIMALS)
