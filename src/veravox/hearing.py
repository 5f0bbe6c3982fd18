"""How a recording and a call are heard alike: window by window, and closer where one stands out.

A window that is suspicious while its neighbours are not is looked at again half a window earlier
and later: a spoofed section seldom lies exactly within one window.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from veravox.audio.activity import (
    FRAME_SAMPLES,
    FRAME_SECONDS,
    SPEECH_PROBABILITY,
    SpeechActivity,
)
from veravox.audio.canonical import SAMPLE_RATE, Samples
from veravox.audio.quality import QualityMeter
from veravox.audio.recording import Quality
from veravox.audio.windows import Window
from veravox.detection.card import ModelCard
from veravox.detection.detector import Detector
from veravox.detection.rules import decide, skip_reason, suspicious
from veravox.detection.verdict import Reason, Segment, Verdict

Scores = Callable[[Sequence[Samples]], Sequence[float] | None]
"""Calibrated spoof_llrs of canonical windows, None when they cannot be had."""

Scalar = TypeVar("Scalar", np.float32, np.bool_)


class Listener(Protocol):
    """Hears a recording part by part, every part once."""

    def push(self, samples: Samples, speech: NDArray[np.bool_]) -> None:
        """The next canonical samples, (n,), and which of their whole 10-ms frames hold speech."""
        ...


@dataclass(frozen=True, slots=True)
class Rules:
    """By what windows are judged.

    `threshold` is the decision threshold on the spoof probability, 0..1. A window with more
    silence than `silence_threshold` percent is not scored; None scores every window.
    """

    card: ModelCard
    threshold: float
    silence_threshold: float | None

    def reason(self, silence: float, seconds: float) -> Reason | None:
        """Why a window of `seconds` with this share of silence, 0..1, is not to be scored."""
        if self.silence_threshold is None:
            return None
        return skip_reason(silence, seconds, self.silence_threshold, self.card.quality)

    def suspicious(self, segment: Segment) -> bool:
        """Whether a window could count towards a partial spoof in a recording of any length."""
        return suspicious(segment.spoof_llr, self.card, self.threshold)


@dataclass(frozen=True, slots=True)
class Examined:
    """A window, which of its 10-ms frames hold speech, and what the model made of it."""

    window: Window
    speech: NDArray[np.bool_]
    segment: Segment


def examine(window: Window, activity: SpeechActivity, detector: Detector, rules: Rules) -> Examined:
    """What is heard in a window, and its score where the rules want one."""
    speech = activity.probabilities(window.samples) >= SPEECH_PROBABILITY
    silence = _silence(speech)
    reason = rules.reason(silence, window.end - window.start)
    segment = Segment(window.index, window.start, window.end, silence, reason=reason)
    if reason is None:
        judged = detector.judge(window.samples)
        segment = replace(segment, spoof_llr=judged.spoof_llr, families=judged.families)
    return Examined(window, speech, segment)


def tell(listener: Listener, examined: Examined, new_seconds: float) -> None:
    """Let `listener` hear the last `new_seconds` of a window.

    That is not all of a window that slid back and overlaps the one before.
    """
    samples = examined.window.samples
    known_frames = max(0, samples.size // FRAME_SAMPLES - round(new_seconds / FRAME_SECONDS))
    listener.push(samples[known_frames * FRAME_SAMPLES :], examined.speech[known_frames:])


class Hearing:
    """What was heard so far of one channel, whose windows come in order of time.

    It holds the samples of the latest window and, while that one is suspicious, of the window
    half-way to the one before.
    """

    def __init__(self, rules: Rules, scores: Scores) -> None:
        """`scores` scores the windows of a closer look."""
        self._rules = rules
        self._scores = scores
        self._segments: list[Segment] = []
        self._quality = QualityMeter()
        self._measured = 0.0
        self._latest: Examined | None = None
        self._earlier: Samples | None = None

    @property
    def seconds(self) -> float:
        """The end of the latest window."""
        return 0.0 if self._latest is None else self._latest.window.end

    def add(self, examined: Examined) -> None:
        """The next window."""
        latest, self._latest = self._latest, examined
        high = self._rules.suspicious(examined.segment)
        earlier, self._earlier = self._earlier, None
        if latest is not None:
            self._measured = self._measure(self._quality, latest)
            if high and not self._rules.suspicious(latest.segment):
                self._earlier = self._between(latest, examined)
            elif earlier is not None and not high:
                self._look_closer(earlier, self._between(latest, examined))
        self._segments.append(examined.segment)

    def end_with(self, examined: Examined) -> None:
        """A window in place of the latest one, which it overlaps; none may come after it."""
        del self._segments[-1]
        if self._segments:
            self._segments[-1] = replace(self._segments[-1], halfway=None)
        self._segments.append(examined.segment)
        self._latest = examined

    def conclude(self, clipping_ratio: float) -> tuple[Quality, tuple[Segment, ...], Verdict]:
        """The quality of the audio, the decided segments and the verdict so far.

        `clipping_ratio` (0..1) was measured before resampling.
        """
        meter = copy.deepcopy(self._quality)
        if self._latest is not None:
            self._measure(meter, self._latest)
        quality = meter.result(clipping_ratio)
        segments, verdict = decide(self._segments, quality, self._rules.card, self._rules.threshold)
        return quality, segments, verdict

    def _measure(self, meter: QualityMeter, examined: Examined) -> float:
        """Lets `meter` hear what is new in a window; the end of what it then knows."""
        end = examined.window.end
        tell(meter, examined, new_seconds=end - self._measured)
        return end

    def _look_closer(self, earlier: Samples, later: Samples | None) -> None:
        """Scores the windows half-way from the latest segment to its neighbours."""
        scores = None if later is None else self._scores((earlier, later))
        if scores is not None:
            before, after = scores
            self._segments[-1] = replace(self._segments[-1], halfway=(before, after))

    def _between(self, one: Examined, other: Examined) -> Samples | None:
        """The window half-way from one to the other.

        None where they do not meet or differ in length, and where it is not fit to be scored.
        """
        gap = abs(other.window.start - one.window.end) * SAMPLE_RATE
        if gap > 0.5 or one.window.samples.size != other.window.samples.size:
            return None
        speech = _half(one.speech, other.speech)
        if self._rules.reason(_silence(speech), speech.size * FRAME_SECONDS) is not None:
            return None
        return _half(one.window.samples, other.window.samples)


def _half(one: NDArray[Scalar], other: NDArray[Scalar]) -> NDArray[Scalar]:
    """The second half of one and the first half of the other."""
    return np.concatenate((one[one.size // 2 :], other[: other.size // 2]))


def _silence(speech: NDArray[np.bool_]) -> float:
    """The share of frames without speech, 0..1; without any frame everything is silence."""
    return 1.0 - float(speech.mean()) if speech.size else 1.0
