"""What Aurigin's streaming protocols call things: labels, scores, final results."""

import statistics
from collections.abc import Sequence

from veravox.analysis import Analysis
from veravox.detection.calibration import spoof_probability
from veravox.detection.rules import confidence, judged
from veravox.detection.verdict import Reason, Result, Segment

BONAFIDE = Result.BONAFIDE.value
SPOOFED = Result.SPOOFED.value
PARTIALLY_SPOOFED = Result.PARTIALLY_SPOOFED.value
SILENCE = "silence"
ERROR = "error"
UNKNOWN = "unknown"
"""There is no conclusion, although something was heard."""

CONSUMER = "deepfake"
WORST_FIRST = (SPOOFED, PARTIALLY_SPOOFED, BONAFIDE, ERROR, SILENCE)


def milliseconds(seconds: float) -> int:
    """Whole milliseconds."""
    return round(seconds * 1000.0)


def label(segment: Segment) -> str:
    """`bonafide` or `spoofed` for a scored window; `silence` or `error` for another."""
    if segment.result is not None:
        return segment.result.value
    return ERROR if segment.reason is Reason.FAILED else SILENCE


def score(segment: Segment) -> float:
    """Probability of spoof, 0..1; 0 for a window without a score."""
    return 0.0 if segment.spoof_llr is None else spoof_probability(segment.spoof_llr)


def window_confidence(segment: Segment, threshold: float) -> float:
    """Confidence in the label, 0..1: of silence the silent share, of an error none."""
    if segment.spoof_llr is not None:
        return confidence(score(segment), threshold)
    return 0.0 if segment.reason is Reason.FAILED else segment.silence


def overall_label(analysis: Analysis | None) -> str:
    """The verdict on a stream, or why there is none."""
    if analysis is None:
        return UNKNOWN
    if analysis.verdict.result is not None:
        return analysis.verdict.result.value
    if any(segment.spoof_llr is not None for segment in analysis.segments):
        return UNKNOWN
    return worst_label(analysis)


def worst_label(analysis: Analysis | None) -> str:
    """The worst label that any window, or the stream as a whole, was given."""
    if analysis is None:
        return UNKNOWN
    given = {_own_label(segment, analysis.threshold) for segment in analysis.segments}
    if analysis.verdict.result is not None:
        given.add(analysis.verdict.result.value)
    return next(worst for worst in WORST_FIRST if worst in given)


def mean_score(analysis: Analysis | None) -> float:
    """Mean probability of spoof of the scored windows, 0..1; 0 without any."""
    scores = _scores(analysis)
    return statistics.fmean(scores) if scores else 0.0


def highest_score(analysis: Analysis | None) -> float:
    """Highest probability of spoof of the scored windows, 0..1; 0 without any."""
    return max(_scores(analysis), default=0.0)


def mean_silence_percent(analysis: Analysis | None) -> float:
    """Mean silent share of all windows, in percent; 0 without any."""
    segments = () if analysis is None else analysis.segments
    return 100.0 * statistics.fmean(s.silence for s in segments) if segments else 0.0


def _scores(analysis: Analysis | None) -> Sequence[float]:
    segments = () if analysis is None else analysis.segments
    return [score(segment) for segment in segments if segment.spoof_llr is not None]


def _own_label(segment: Segment, threshold: float) -> str:
    return label(judged(segment, threshold))


def running_message(running: Result) -> str:
    """A sentence for people about the verdict on a stream so far."""
    if running is Result.BONAFIDE:
        return "The voice sounds genuine so far"
    if running is Result.SPOOFED:
        return "The voice is probably synthetic"
    return "Parts of the call are probably synthetic"
