"""The use cases over audio and detection: the only door from the service into the domain."""

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Literal, TypeVar

from veravox.audio.activity import SpeechActivity
from veravox.audio.canonical import Samples
from veravox.audio.decode import DecodedMedia, DecodeLimits, DecoderPool
from veravox.audio.recording import MediaInfo, Quality
from veravox.audio.windows import Window, windows
from veravox.detection.attribution import attribute
from veravox.detection.calibration import spoof_probability
from veravox.detection.card import MODEL_CALIBRATION, ModelCard
from veravox.detection.detector import Detector
from veravox.detection.models import ModelRegistry
from veravox.detection.verdict import GeneratorFamily, Segment, Verdict
from veravox.errors import AudioTooShort, InvalidRequest, MediaTooLarge
from veravox.hearing import Examined, Hearing, Listener, Rules, examine, tell
from veravox.software import software

MINIMUM_SECONDS = 3.0
WINDOWS_IN_FLIGHT = 8
MOST_SPLIT_CHANNELS = 8

Channels = Literal["mix", "split"]

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


@dataclass(frozen=True, slots=True)
class AnalysisOptions:
    """What a caller may choose.

    `model`: an installed model id or alias, None for the default. `threshold`: decision threshold
    on the spoof probability, 0..1, None for the model's own. `silence_threshold`: a window with
    more silence than this percentage, 0..100, is not scored. `minimum_seconds`: what the recording
    must last. `channels`: ``mix`` for one verdict on the mean of all channels, ``split`` for a
    verdict on each, as the two sides of a call need.
    """

    model: str | None = None
    threshold: float | None = None
    silence_threshold: float = 80.0
    minimum_seconds: float = MINIMUM_SECONDS
    channels: Channels = "mix"

    def __post_init__(self) -> None:
        """Raises InvalidRequest for a value outside its range, NaN included."""
        if self.threshold is not None and not 0.0 <= self.threshold <= 1.0:
            raise InvalidRequest("threshold must be between 0 and 1")
        if not 0.0 <= self.silence_threshold <= 100.0:
            raise InvalidRequest("silence_threshold must be between 0 and 100")


@dataclass(frozen=True, slots=True)
class ChannelAnalysis:
    """What is concluded about one channel; they are counted from 0."""

    channel: int
    quality: Quality
    segments: tuple[Segment, ...]
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Heard:
    """One or more channels of `duration` seconds of audio."""

    info: MediaInfo
    duration: float
    channels: tuple[ChannelAnalysis, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an analysis has come: `share` of the work, 0..1, and what is known so far.

    `seconds` of the recording are scored, in `segments` windows, `spoofed` of them above the
    threshold.
    """

    share: float = 0.0
    seconds: float = 0.0
    segments: int = 0
    spoofed: int = 0


OnProgress = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Method:
    """With what a recording was analysed, so that it can be done again exactly so.

    `started_at` is UTC. `card_sha256` and `speech_activity_sha256` are those of the model's card,
    which names its weights, and of the speech detector's weights. `software`: names and versions.
    """

    started_at: datetime
    card_sha256: str
    speech_activity_sha256: str
    silence_threshold: float
    software: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Analysis:
    """Everything concluded about one recording. Times in seconds, `threshold` a probability.

    With split channels `channels` holds each of them, and `quality`, `segments` and `verdict` are
    those of the one that is most likely a spoof. `calibration` is ``model`` or the id of the
    operator's own. `generator` is None unless the verdict is spoofed and the model attributes.
    `method` is None for streams, and for recordings that were analysed before it was kept.
    """

    model_id: str
    media: MediaInfo
    duration: float
    quality: Quality
    segments: tuple[Segment, ...]
    verdict: Verdict
    threshold: float
    warnings: tuple[str, ...]
    processing_time: float
    channels: tuple[ChannelAnalysis, ...] = ()
    calibration: str = MODEL_CALIBRATION
    generator: GeneratorFamily | None = None
    method: Method | None = None


@dataclass(frozen=True, slots=True)
class _Read:
    """A window and the share of the file that had been read for it."""

    window: Window
    share: float


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
        self.activity = activity
        self.models = models
        self._executor = executor

    def warm(self) -> None:
        """Load the default model and start the decoders, so that the first caller need not wait.

        Raises InvalidModel, and Unavailable when a decoder cannot be started.
        """
        self.models.resolve()
        self._decoders.warm()

    def analyse(
        self,
        media: BinaryIO,
        options: AnalysisOptions | None = None,
        on_progress: OnProgress | None = None,
        listener: Listener | None = None,
    ) -> Analysis:
        """The analysis of the recording in `media`, a seekable binary file at its start.

        `on_progress` is called after each window, and `listener` hears the audio as it was
        analysed. Raises UnknownModel, MediaError and its kinds, such as AudioTooShort, and
        whatever reading `media` or `on_progress` raises.
        """
        started_at = datetime.now(UTC)
        started = time.perf_counter()
        options = options or AnalysisOptions()
        detector = self.models.resolve(options.model)
        threshold = detector.card.threshold if options.threshold is None else options.threshold
        work = _Work(options, detector, threshold, _Meter(threshold, on_progress), listener)
        heard = self._listen(media, work)
        return replace(
            analysis_of(heard, detector.card, threshold, time.perf_counter() - started),
            channels=heard.channels if options.channels == "split" else (),
            method=Method(
                started_at=started_at,
                card_sha256=detector.card.digest(),
                speech_activity_sha256=self.activity.sha256,
                silence_threshold=options.silence_threshold,
                software=software(),
            ),
        )

    def _listen(self, media: BinaryIO, work: "_Work") -> Heard:
        """Every channel that is wanted, one after the other, so that memory stays constant."""
        if work.options.channels == "mix":
            return self._hear(media, None, work)
        first = self._hear(media, 0, work)
        count = first.info.channels
        if count > MOST_SPLIT_CHANNELS:
            raise MediaTooLarge(f"More than {MOST_SPLIT_CHANNELS} channels cannot be split")
        others = [self._hear(media, channel, work) for channel in range(1, count)]
        return replace(first, channels=first.channels + tuple(o.channels[0] for o in others))

    def _hear(self, media: BinaryIO, channel: int | None, work: "_Work") -> Heard:
        with self._decoders.open(media, channel) as decoded:
            work.meter.begin(channel or 0, 1 if channel is None else decoded.info.channels)
            hearing = self._score(decoded, work)
            info, clipping_ratio = decoded.info, decoded.clipping_ratio
        if hearing.seconds < work.options.minimum_seconds:
            raise AudioTooShort(hearing.seconds, work.options.minimum_seconds)
        concluded = ChannelAnalysis(channel or 0, *hearing.conclude(clipping_ratio))
        return Heard(info, hearing.seconds, (concluded,))

    def _score(self, decoded: DecodedMedia, work: "_Work") -> Hearing:
        def scored(read: _Read) -> tuple[float, Examined]:
            return read.share, examine(read.window, self.activity, work.detector, work.rules)

        def scores(closer: Sequence[Samples]) -> Sequence[float]:
            return list(self._executor.map(work.detector.score, closer))

        reads = (_Read(window, decoded.progress) for window in windows(decoded))
        hearing = Hearing(work.rules, scores)
        for share, examined in _ordered_map(self._executor, scored, reads):
            if work.listener is not None:
                tell(work.listener, examined, examined.window.end - hearing.seconds)
            hearing.add(examined)
            work.meter.advance(examined, share)
        return hearing


class _Meter:
    """Adds up progress over the channels and tells of it."""

    def __init__(self, threshold: float, on_progress: OnProgress | None) -> None:
        self._threshold = threshold
        self._tell = on_progress
        self._progress = Progress()
        self._channel = 0
        self._channels = 1

    def begin(self, channel: int, channels: int) -> None:
        """The channel that is analysed from now on, of how many."""
        self._channel = channel
        self._channels = channels

    def advance(self, examined: Examined, share: float) -> None:
        """One more window is scored; `share` of the channel had been read for it."""
        if self._tell is None:
            return
        llr = examined.segment.spoof_llr
        spoofed = llr is not None and spoof_probability(llr) >= self._threshold
        self._progress = Progress(
            share=(self._channel + share) / self._channels,
            seconds=examined.window.end,
            segments=self._progress.segments + 1,
            spoofed=self._progress.spoofed + spoofed,
        )
        self._tell(self._progress)


@dataclass(frozen=True, slots=True)
class _Work:
    """What is to be done, with what, and who hears of it."""

    options: AnalysisOptions
    detector: Detector
    threshold: float
    meter: _Meter
    listener: Listener | None

    @property
    def rules(self) -> Rules:
        """By what its windows are judged."""
        return Rules(self.detector.card, self.threshold, self.options.silence_threshold)


def analysis_of(
    heard: Heard, card: ModelCard, threshold: float, processing_time: float
) -> Analysis:
    """What follows from what was heard of a recording or a stream; seconds were spent on it.

    `threshold` is the decision threshold on the spoof probability.
    """
    chosen = max(heard.channels, key=_suspicion)
    return Analysis(
        model_id=card.id,
        media=heard.info,
        duration=heard.duration,
        quality=chosen.quality,
        segments=chosen.segments,
        verdict=chosen.verdict,
        threshold=threshold,
        warnings=_silence_warnings(heard.channels),
        processing_time=processing_time,
        calibration=card.calibration_name,
        generator=attribute(chosen.segments, chosen.verdict, card),
    )


def _suspicion(channel: ChannelAnalysis) -> tuple[bool, float]:
    """Channels with a verdict before those without, then by their score."""
    llr = channel.verdict.spoof_llr
    return channel.verdict.result is not None, float("-inf") if llr is None else llr


def _silence_warnings(channels: Iterable[ChannelAnalysis]) -> tuple[str, ...]:
    """A sentence about segments without a score, if there are any."""
    segments = [segment for channel in channels for segment in channel.segments]
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
    models_dir: Path | None = None,
    *,
    decoder_processes: int = 1,
    scoring_threads: int = 1,
    limits: DecodeLimits | None = None,
    calibration: Path | None = None,
    beside: Analyser | None = None,
) -> Generator[Analyser]:
    """An analyser over the models in `models_dir`, None for the shipped ones; closed at the end.

    It decodes in `decoder_processes` child processes within `limits` and scores in
    `scoring_threads` threads. `calibration` is the operator's own, a file of `veravox calibrate`.
    `beside` is an analyser whose loaded models it shares instead of
    loading its own.
    """
    decoders = DecoderPool(decoder_processes, limits)
    models = ModelRegistry(models_dir, calibration) if beside is None else beside.models
    try:
        with ThreadPoolExecutor(scoring_threads, thread_name_prefix="scoring") as executor:
            yield Analyser(decoders, SpeechActivity(), models, executor)
    finally:
        decoders.close()
