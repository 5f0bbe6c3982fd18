"""A live voice in the dashboard: the stream of the API, told in words for people."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from veravox.analysis import Analysis
from veravox.detection.calibration import spoof_probability
from veravox.detection.verdict import Verdict
from veravox.stream_analysis import StreamWindow
from veravox.streaming.websocket import JsonDialect
from veravox.streams import Conclusion, LiveStream
from veravox.web import wording
from veravox.web.rendering import percent
from veravox.web.wording import PlainVerdict

NOTHING_HEARD = PlainVerdict(
    "No verdict", "none", "Too little was heard to analyse.", "Listen for a few seconds more."
)


class LiveDialect(JsonDialect):
    """Reads what `/v1/stream` reads; answers with what the page is to show."""

    def opened(self, stream: LiveStream) -> Sequence[str]:
        """The id that the result will have."""
        return (json.dumps({"opened": stream.id}),)

    def heard(self, stream: LiveStream, window: StreamWindow) -> Sequence[str]:
        """A window for the timeline, the running verdict, and what stands in the way."""
        segment, so_far = window.segment, window.so_far
        span = segment.end - segment.start
        shown = asdict(wording.plain_segment(segment, stream.threshold, span))
        told = {
            "window": shown | {"replaces": window.replaces},
            "verdict": _verdict(wording.running_verdict(window), so_far.verdict, so_far.confidence),
            "hindrances": wording.hindrances(window),
        }
        return (json.dumps(told),)

    def concluded(self, stream: LiveStream, conclusion: Conclusion) -> Sequence[str]:  # noqa: ARG002
        """The verdict, and the id of the kept result if there is one."""
        prediction = conclusion.prediction
        told = {
            "final": _final(conclusion.stream.analysis),
            "kept": None if prediction is None else prediction.id,
        }
        return (json.dumps(told),)


def _final(analysis: Analysis | None) -> Mapping[str, object]:
    if analysis is None:
        return _verdict(NOTHING_HEARD, None, None)
    certainty = wording.certainty(analysis)
    confidence = None if certainty is None else certainty.confidence
    return _verdict(wording.plain_verdict(analysis.verdict), analysis.verdict, confidence)


def _verdict(
    plain: PlainVerdict, verdict: Verdict | None, confidence: float | None
) -> Mapping[str, object]:
    llr = None if verdict is None else verdict.spoof_llr
    probability = None if llr is None else spoof_probability(llr)
    return asdict(plain) | {
        "probability": probability,
        "percent": None if probability is None else percent(probability),
        "sureness": None if confidence is None else wording.sureness(confidence),
    }
