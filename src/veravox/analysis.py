"""The use cases over audio and detection: the only door from the service into the domain."""

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np
from numpy.typing import NDArray

from veravox.audio.activity import (
    FRAME_SAMPLES,
    FRAME_SECONDS,
    SPEECH_PROBABILITY,
    SpeechActivity,
)
from veravox.audio.decode import DecodedMedia, DecoderPool
from veravox.audio.quality import QualityMeter
from veravox.audio.recording import MediaInfo, Quality
from veravox.audio.windows import Window, windows
from veravox.detection.detector import Detector
from veravox.detection.models import ModelRegistry
from veravox.detection.rules import decide, skip_reason
from veravox.detection.verdict import Segment, Verdict
from veravox.errors import AudioTooShort, InvalidRequest

MINIMUM_SECONDS = 3.0
WINDOWS_IN_FLIGHT = 8

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


@dataclass(frozen=True, slots=True)
class AnalysisOptions:
    """What a caller may choose.

    `model`: an installed model id or alias, None for the default. `threshold`: decision threshold
    on the spoof probability, 0..1, None for the model's own. `silence_threshold`: a window with
    more silence than this percentage, 0..100, is not scored. `minimum_seconds`: what the recording
    must last.
    """

    model: str | None = None
    threshold: float | None = None
    silence_threshold: float = 80.0
    minimum_seconds: float = MINIMUM_SECONDS

    def __post_init__(self) -> None:
        """Raises InvalidRequest for a value outside its range, NaN included."""
        if self.threshold is not None and not 0.0 <= self.threshold <= 1.0:
            raise InvalidRequest("threshold must be between 0 and 1")
        if not 0.0 <= self.silence_threshold <= 100.0:
            raise InvalidRequest("silence_threshold must be between 0 and 100")


@dataclass(frozen=True, slots=True)
class Analysis:
    """Everything concluded about one recording. Times in seconds, `threshold` a probability."""

    model_id: str
    media: MediaInfo
    duration: float
    quality: Quality
    segments: tuple[Segment, ...]
    verdict: Verdict
    threshold: float
    warnings: tuple[str, ...]
    processing_time: float


@dataclass(frozen=True, slots=True)
class _Examined:
    """A window, the frames of it that hold speech, and what the model made of it."""

    window: Window
    speech: NDArray[np.bool_]
    segment: Segment


class Analyser:
    """Analyses recordings, each in constant memory; safe to share between threads."""

    def __init__(
        self,
        decoders: DecoderPool,
        activity: SpeechActivity,
        models: ModelRegistry,
        executor: Executor,
    ) -> None:
        """`executor` runs the models window by window; its threads bound the CPU in use."""
        self._decoders = decoders
        self._activity = activity
        self.models = models
        self._executor = executor

    def warm(self) -> None:
        """Load the default model and start the decoders, so that the first caller need not wait.

        Raises InvalidModel, and Unavailable when a decoder cannot be started.
        """
        self.models.resolve()
        self._decoders.warm()

    def analyse(self, media: BinaryIO, options: AnalysisOptions | None = None) -> Analysis:
        """The analysis of the recording in `media`, a seekable binary file at its start.

        Raises UnknownModel, and MediaError and its kinds, such as AudioTooShort.
        """
        started = time.perf_counter()
        options = options or AnalysisOptions()
        detector = self.models.resolve(options.model)
        threshold = detector.card.threshold if options.threshold is None else options.threshold
        with self._decoders.open(media) as decoded:
            scored, quality, duration = self._score(decoded, detector, options.silence_threshold)
            info = decoded.info
        if duration < options.minimum_seconds:
            raise AudioTooShort(duration, options.minimum_seconds)
        segments, verdict = decide(scored, quality, detector.card, threshold)
        return Analysis(
            model_id=detector.card.id,
            media=info,
            duration=duration,
            quality=quality,
            segments=segments,
            verdict=verdict,
            threshold=threshold,
            warnings=_warnings(segments),
            processing_time=time.perf_counter() - started,
        )

    def _score(
        self, decoded: DecodedMedia, detector: Detector, silence_threshold: float
    ) -> tuple[list[Segment], Quality, float]:
        def examine(window: Window) -> _Examined:
            return _examine(window, self._activity, detector, silence_threshold)

        meter = QualityMeter()
        segments: list[Segment] = []
        duration = 0.0
        for examined in _ordered_map(self._executor, examine, windows(decoded)):
            _measure(meter, examined, new_seconds=examined.window.end - duration)
            duration = examined.window.end
            segments.append(examined.segment)
        return segments, meter.result(decoded.clipping_ratio), duration


def _examine(
    window: Window, activity: SpeechActivity, detector: Detector, silence_threshold: float
) -> _Examined:
    speech = activity.probabilities(window.samples) >= SPEECH_PROBABILITY
    silence = 1.0 - float(speech.mean()) if speech.size else 1.0
    seconds = window.end - window.start
    reason = skip_reason(silence, seconds, silence_threshold, detector.card.quality)
    segment = Segment(
        index=window.index,
        start=window.start,
        end=window.end,
        silence=silence,
        spoof_llr=None if reason else detector.score(window.samples),
        reason=reason,
    )
    return _Examined(window, speech, segment)


def _measure(meter: QualityMeter, examined: _Examined, new_seconds: float) -> None:
    """Feed the meter the last `new_seconds`: a window that slid back overlaps the one before."""
    samples = examined.window.samples
    known_frames = max(0, samples.size // FRAME_SAMPLES - round(new_seconds / FRAME_SECONDS))
    meter.push(samples[known_frames * FRAME_SAMPLES :], examined.speech[known_frames:])


def _warnings(segments: tuple[Segment, ...]) -> tuple[str, ...]:
    silent = sum(segment.spoof_llr is None for segment in segments)
    if not silent:
        return ()
    return (f"{silent} of {len(segments)} segments skipped due to silence",)


def _ordered_map(
    executor: Executor, function: Callable[[Item], Outcome], items: Iterable[Item]
) -> Iterator[Outcome]:
    """`map` on the executor with a bounded number of items in flight, results in order."""
    pending: deque[Future[Outcome]] = deque()
    try:
        for item in items:
            pending.append(executor.submit(function, item))
            if len(pending) >= WINDOWS_IN_FLIGHT:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        for future in pending:
            future.cancel()


@contextmanager
def open_analyser(
    models_dir: Path | None = None, *, decoder_processes: int = 1, scoring_threads: int = 1
) -> Generator[Analyser]:
    """An analyser over the models in `models_dir`, None for the shipped ones; closed at the end.

    It decodes in `decoder_processes` child processes and scores in `scoring_threads` threads.
    """
    decoders = DecoderPool(decoder_processes)
    try:
        with ThreadPoolExecutor(scoring_threads, thread_name_prefix="scoring") as executor:
            yield Analyser(decoders, SpeechActivity(), ModelRegistry(models_dir), executor)
    finally:
        decoders.close()
