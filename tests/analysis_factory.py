"""Analyses made up of given LLRs."""

from typing import Any

from veravox.analysis import Analysis
from veravox.audio.recording import MediaInfo, Quality
from veravox.detection.calibration import spoof_probability
from veravox.detection.verdict import Reason, Result, Segment, Verdict

GOOD = Quality(
    snr_db=30.0, clipping_ratio=0.0, bandwidth_hz=7_500.0, level_dbfs=-26.0, net_speech=8.0
)


def make_segment(index: int, llr: float | None, threshold: float = 0.5) -> Segment:
    """The five seconds after 5 * `index`, scored with `llr` or, without one, skipped as silent."""
    span = {"index": index, "start": 5.0 * index, "end": 5.0 * (index + 1)}
    if llr is None:
        return Segment(**span, silence=1.0, reason=Reason.SILENCE)
    spoofed = spoof_probability(llr) >= threshold
    result = Result.SPOOFED if spoofed else Result.BONAFIDE
    return Segment(**span, silence=0.1, spoof_llr=llr, result=result)


def make_analysis(
    *llrs: float | None,
    verdict: Verdict | None = None,
    threshold: float = 0.5,
    **changes: Any,
) -> Analysis:
    """An analysis whose segments have these LLRs; its verdict follows their mean by default."""
    chosen = llrs or (2.0, 3.0)
    segments = tuple(make_segment(i, llr, threshold) for i, llr in enumerate(chosen))
    scored = [llr for llr in chosen if llr is not None]
    mean = sum(scored) / len(scored) if scored else None
    if verdict is None:
        result = None if mean is None else make_segment(0, mean, threshold).result
        verdict = Verdict(mean, result, Reason.NO_SPEECH if mean is None else None)
    fields: dict[str, Any] = {
        "model_id": "model-1",
        "media": MediaInfo(container="wav", codec="pcm_s16le", sample_rate=16_000, channels=1),
        "duration": 5.0 * len(chosen),
        "quality": GOOD,
        "segments": segments,
        "verdict": verdict,
        "threshold": threshold,
        "warnings": (),
        "processing_time": 0.25,
    }
    return Analysis(**(fields | changes))
