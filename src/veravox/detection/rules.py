"""From scored windows to results and a verdict; pure functions of LLRs, quality and a card.

All comparisons of LLRs are of their distance from the decision threshold, so that the indecision
band and the constants of the partial rule move with a threshold that a caller chooses.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from veravox.audio.recording import Quality
from veravox.detection.calibration import spoof_probability, threshold_llr
from veravox.detection.card import ModelCard, PartialRule, QualityLimits
from veravox.detection.fusion import file_llr
from veravox.detection.thresholds import tau_for
from veravox.detection.verdict import Reason, Result, Segment, Verdict

MINIMUM_PARTIAL_WINDOWS = 2


def skip_reason(
    silence: float, seconds: float, silence_threshold: float, limits: QualityLimits
) -> Reason | None:
    """Why a window of `seconds` with this share of silence, 0..1, is not to be scored.

    `silence_threshold` is the caller's, in percent; whatever it is, a window without the model's
    minimum of speech is not scored.
    """
    if silence * 100.0 > silence_threshold:
        return Reason.SILENCE
    if (1.0 - silence) * seconds < limits.window_speech:
        return Reason.NO_SPEECH
    return None


def decide(
    segments: Sequence[Segment], quality: Quality, card: ModelCard, threshold: float
) -> tuple[tuple[Segment, ...], Verdict]:
    """The segments with their results, in order, and the verdict on the recording.

    Each segment comes in order of time with either a `spoof_llr` or the `reason` for having none.
    `threshold` is the decision threshold on the spoof probability, 0..1.
    """
    scored = [s.spoof_llr for s in segments if s.spoof_llr is not None]
    llr = file_llr(scored, card.fusion) if scored else None
    unfit = _unfit(quality, card.quality)
    if llr is None or unfit is not None:
        reason = unfit or Reason.TOO_LITTLE_SPEECH
        withheld = tuple(replace(s, reason=s.reason or reason) for s in segments)
        return withheld, Verdict(llr, None, reason)
    decided = tuple(judged(segment, threshold) for segment in segments)
    if _partially_spoofed(segments, card.partial, threshold):
        return decided, Verdict(llr, Result.PARTIALLY_SPOOFED, None)
    band = card.band
    if band.low < _distance(llr, threshold) < band.high:
        return decided, Verdict(llr, None, Reason.UNCERTAIN)
    return decided, Verdict(llr, _result(llr, threshold), None)


def suspicious(llr: float | None, card: ModelCard, threshold: float) -> bool:
    """Whether a window could count towards a partial spoof in a recording of any length."""
    return llr is not None and _distance(llr, threshold) > tau_for(1, card.partial)


def confidence(probability: float, threshold: float) -> float:
    """How far a spoof probability lies from the threshold, both 0..1, as a share of the way."""
    if probability >= threshold:
        return (probability - threshold) / (1.0 - threshold) if threshold < 1.0 else 0.0
    return (threshold - probability) / threshold


def overall_confidence(segments: Sequence[Segment], threshold: float) -> float | None:
    """Mean confidence of the scored segments, 0..1; None when there is none."""
    scored = [
        confidence(spoof_probability(s.spoof_llr), threshold)
        for s in segments
        if s.spoof_llr is not None
    ]
    return sum(scored) / len(scored) if scored else None


def _unfit(quality: Quality, limits: QualityLimits) -> Reason | None:
    """Why no recording of this quality gets a verdict."""
    if quality.net_speech <= limits.window_speech:
        return Reason.NO_SPEECH
    if quality.net_speech < limits.net_speech:
        return Reason.TOO_LITTLE_SPEECH
    if quality.snr_db is not None and quality.snr_db < limits.snr_db:
        return Reason.POOR_QUALITY
    if quality.bandwidth_hz < limits.bandwidth_hz:
        return Reason.POOR_QUALITY
    return None


def judged(segment: Segment, threshold: float) -> Segment:
    """A segment with the result of its own score, if it has one; `threshold` is a probability."""
    if segment.spoof_llr is None:
        return segment
    result = _result(segment.spoof_llr, threshold)
    families = segment.families if result is Result.SPOOFED else None
    return replace(segment, result=result, families=families)


def _result(llr: float, threshold: float) -> Result:
    spoofed = spoof_probability(llr) >= threshold
    return Result.SPOOFED if spoofed else Result.BONAFIDE


def _distance(llr: float, threshold: float) -> float:
    return llr - threshold_llr(threshold)


def _partially_spoofed(segments: Sequence[Segment], rule: PartialRule, threshold: float) -> bool:
    """Two neighbours above tau_n, and two windows that are clearly bona fide.

    One window above it will do where both windows half-way to its neighbours are above it too.

    tau_n depends on the number n of scored windows, which keeps the rate of false alarms the same
    for long recordings as for short ones.
    """
    distances = [
        None if s.spoof_llr is None else _distance(s.spoof_llr, threshold) for s in segments
    ]
    scored = [d for d in distances if d is not None]
    clear = sum(d <= rule.clearly_bonafide for d in scored)
    tau = tau_for(len(scored), rule)
    above = [d is not None and d > tau for d in distances]
    run = any(a and b for a, b in pairwise(above)) or any(
        high and _halfway_above(segment, tau, threshold)
        for high, segment in zip(above, segments, strict=True)
    )
    return clear >= MINIMUM_PARTIAL_WINDOWS and run


def _halfway_above(segment: Segment, tau: float, threshold: float) -> bool:
    llrs = segment.halfway
    return llrs is not None and all(_distance(llr, threshold) > tau for llr in llrs)
