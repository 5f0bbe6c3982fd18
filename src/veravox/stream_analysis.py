"""The analysis of a call while it goes on: frames in, scored windows and a running verdict out.

What is concluded at its end is what `veravox.analysis` concludes about a file of the same audio:
the canonical view, the windows and `veravox.hearing` are the same. It knows no protocol and starts
no thread.
"""

import hashlib
import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from veravox.analysis import (
    MINIMUM_SECONDS,
    Analysis,
    AnalysisOptions,
    ChannelAnalysis,
    Heard,
    analysis_of,
)
from veravox.audio.activity import FRAME_SAMPLES, SpeechActivity
from veravox.audio.canonical import SAMPLE_RATE, CanonicalFeed, Samples
from veravox.audio.clipping import ClippingMeter
from veravox.audio.frames import AudioFrame, FrameDecoder
from veravox.audio.recording import MediaInfo, Quality
from veravox.audio.windows import WINDOW_SAMPLES, StreamWindows, Tail, Window
from veravox.detection.card import ModelCard
from veravox.detection.detector import Detector, WindowScore
from veravox.detection.rules import judged, overall_confidence
from veravox.detection.verdict import Reason, Result, Segment, Verdict
from veravox.errors import InvalidRequest
from veravox.hearing import Examined, Hearing, Rules, examine

CONTAINER = "stream"
WINDOW_SECONDS = WINDOW_SAMPLES / SAMPLE_RATE
SHORTEST_INTERVAL = 1.0
SHORTEST_MINIMUM = 0.1
STEADY = 2
"""A standing verdict is replaced when another one was concluded so many times in a row."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """What a caller may choose for a stream.

    `model`: an installed model id or alias, None for the default. `interval`: seconds from window
    to window, 1 to 5. `minimum`: seconds from which the rest of a stream is a window of its own,
    0.1 to `interval`; `tail` tells what becomes of a shorter one. `silence_threshold`: a window
    with more silence than this percentage is not scored; None scores every window.
    """

    model: str | None = None
    interval: float = WINDOW_SECONDS
    minimum: float = 1.0
    silence_threshold: float | None = 80.0
    tail: Tail = Tail.RECOMPUTE

    def __post_init__(self) -> None:
        """Raises InvalidRequest for a value outside its range, NaN included."""
        if not SHORTEST_INTERVAL <= self.interval <= WINDOW_SECONDS:
            raise InvalidRequest(
                f"the analysis interval must be between {SHORTEST_INTERVAL:g} and "
                f"{WINDOW_SECONDS:g} seconds"
            )
        if not SHORTEST_MINIMUM <= self.minimum <= self.interval:
            raise InvalidRequest(
                f"the minimum analysis duration must be between {SHORTEST_MINIMUM:g} seconds and "
                "the analysis interval"
            )
        threshold = self.silence_threshold
        if threshold is not None and not 0.0 <= threshold <= 100.0:
            raise InvalidRequest("the silence threshold must be between 0 and 100")

    @property
    def analysis_options(self) -> AnalysisOptions:
        """The same choice, as far as it concerns recordings too."""
        threshold = self.silence_threshold
        return AnalysisOptions(
            model=self.model,
            silence_threshold=100.0 if threshold is None else threshold,
        )


@dataclass(frozen=True, slots=True)
class SoFar:
    """What would be concluded if a stream ended now.

    `quality` does not know of clipping yet. `confidence` is the mean of the scored windows',
    0..1, None without any.
    """

    verdict: Verdict
    quality: Quality
    confidence: float | None


@dataclass(frozen=True, slots=True)
class StreamWindow:
    """A window of a stream that was heard.

    `segment` has its own `result`, or the `reason` for having none. `running` is the verdict on
    everything up to its end, None before the first; with `changed` it is another than before.
    `so_far` is what lies behind it, which changes with every window. With `replaces` the window
    stands for the one before it, which it overlaps.
    """

    segment: Segment
    running: Result | None
    changed: bool
    so_far: SoFar
    replaces: bool = False


@dataclass(frozen=True, slots=True)
class StreamConclusion:
    """The end of a stream.

    `windows` that only its end completed, and the `analysis` of all of it, None where a recording
    would be too short for one. `seconds` of audio came; `digest` is their SHA-256.
    """

    windows: tuple[StreamWindow, ...]
    analysis: Analysis | None
    seconds: float
    digest: bytes


class StreamAnalysis:
    """The analysis of one stream, in memory that does not grow with its audio."""

    def __init__(
        self, detector: Detector, activity: SpeechActivity, options: StreamOptions
    ) -> None:
        """Scores with `detector` the windows that `options` describe."""
        self.card: ModelCard = detector.card
        self.seconds = 0.0
        self._detector = _AnyLength(detector)
        self._activity = activity
        self._rules = Rules(self.card, self.card.threshold, options.silence_threshold)
        self._decoder = FrameDecoder()
        self._feed = CanonicalFeed()
        self._windows = StreamWindows(
            round(options.interval * SAMPLE_RATE),
            round(options.minimum * SAMPLE_RATE),
            options.tail,
        )
        self._clipping = ClippingMeter()
        self._hearing = Hearing(self._rules, self._scores)
        self._running = _RunningVerdict()
        self._digest = hashlib.sha256(repr(options).encode())
        self._media: MediaInfo | None = None
        self._spent = 0.0

    def push(self, frames: Iterable[AudioFrame]) -> list[StreamWindow]:
        """The windows that these frames complete.

        Raises UndecodableAudio when they hold no audio. A window that cannot be scored is given
        with the reason FAILED, and the stream goes on.
        """
        started = time.perf_counter()
        heard = [
            self._heard(window)
            for frame in _joined(frames)
            for window in self._windows.push(self._canonical(frame))
        ]
        self._spent += time.perf_counter() - started
        return heard

    def finish(self) -> StreamConclusion:
        """What is concluded. Nothing may be pushed afterwards."""
        started = time.perf_counter()
        heard = [self._heard(window) for window in self._windows.push(self._feed.finish())]
        long_enough = self._windows.seconds >= MINIMUM_SECONDS
        last = self._windows.finish() if long_enough else None
        if last is not None:
            heard.append(self._heard(last.window, replaces=last.replaces))
        self._spent += time.perf_counter() - started
        return StreamConclusion(
            windows=tuple(heard),
            analysis=self._analysis() if long_enough else None,
            seconds=self.seconds,
            digest=self._digest.digest(),
        )

    def _canonical(self, frame: AudioFrame) -> Samples:
        self._digest.update(frame.payload)
        decoded = self._decoder.decode(frame)
        if not decoded.samples.size:
            return np.zeros(0, np.float32)
        self.seconds += decoded.samples.shape[1] / decoded.sample_rate
        if self._media is None:
            self._media = MediaInfo(CONTAINER, frame.codec, frame.sample_rate, frame.channels)
        self._clipping.push(decoded.samples, decoded.full_scale)
        return self._feed.push(decoded.samples, decoded.sample_rate)

    def _heard(self, window: Window, *, replaces: bool = False) -> StreamWindow:
        """The window with the verdict on all that was heard up to it."""
        examined = self._examined(window)
        if replaces:
            self._hearing.end_with(examined)
        else:
            self._hearing.add(examined)
        quality, segments, verdict = self._hearing.conclude(clipping_ratio=0.0)
        changed = self._running.follow(verdict.result)
        so_far = SoFar(verdict, quality, overall_confidence(segments, self._rules.threshold))
        segment = judged(examined.segment, self._rules.threshold)
        return StreamWindow(segment, self._running.result, changed, so_far, replaces)

    def _examined(self, window: Window) -> Examined:
        try:
            return examine(window, self._activity, self._detector, self._rules)
        except Exception:  # onnxruntime's exceptions have no common base of their own
            _log.exception("a window of a stream could not be scored")
        segment = Segment(window.index, window.start, window.end, 0.0, reason=Reason.FAILED)
        frames = window.samples.size // FRAME_SAMPLES
        return Examined(window, np.zeros(frames, np.bool_), segment)

    def _scores(self, closer: Sequence[Samples]) -> Sequence[float] | None:
        try:
            return [self._detector.score(samples) for samples in closer]
        except Exception:  # as above
            _log.exception("a suspicious window of a stream could not be looked at closer")
        return None

    def _analysis(self) -> Analysis | None:
        concluded = ChannelAnalysis(0, *self._hearing.conclude(self._clipping.ratio()))
        if self._media is None or not concluded.segments:
            return None
        heard = Heard(self._media, self._windows.seconds, (concluded,))
        return analysis_of(heard, self.card, self._rules.threshold, self._spent)


class _RunningVerdict:
    """A verdict that does not flicker.

    It stands while the score lies inside the model's indecision band, where nothing is concluded,
    and until another verdict was concluded `STEADY` times in a row.
    """

    def __init__(self) -> None:
        self.result: Result | None = None
        self._candidate: Result | None = None
        self._times = 0

    def follow(self, concluded: Result | None) -> bool:
        """Whether the verdict is another one now."""
        if concluded is None or concluded is self.result:
            self._times = 0
            return False
        self._times = self._times + 1 if concluded is self._candidate else 1
        self._candidate = concluded
        if self.result is not None and self._times < STEADY:
            return False
        self.result = concluded
        self._times = 0
        return True


class _AnyLength:
    """A detector for windows that grew beyond 5 s: the mean over their first and last 5 s."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector

    @property
    def card(self) -> ModelCard:
        return self._detector.card

    def score(self, samples: Samples) -> float:
        return self.judge(samples).spoof_llr

    def judge(self, samples: Samples) -> WindowScore:
        if samples.size <= WINDOW_SAMPLES:
            return self._detector.judge(samples)
        ends = (samples[:WINDOW_SAMPLES], samples[-WINDOW_SAMPLES:])
        first, last = (self._detector.judge(end) for end in ends)
        families = None
        if first.families is not None and last.families is not None:
            families = tuple(np.mean((first.families, last.families), axis=0).tolist())
        return WindowScore(0.5 * (first.spoof_llr + last.spoof_llr), families)


def _joined(frames: Iterable[AudioFrame]) -> Sequence[AudioFrame]:
    """The same audio in as few frames as possible."""
    joined: list[list[AudioFrame]] = []
    for frame in frames:
        if joined and frame.follows(joined[-1][-1]):
            joined[-1].append(frame)
        else:
            joined.append([frame])
    return [
        replace(alike[0], payload=b"".join(frame.payload for frame in alike))
        if len(alike) > 1
        else alike[0]
        for alike in joined
    ]
