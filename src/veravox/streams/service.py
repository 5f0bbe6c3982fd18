"""Live streams: what each may cost, where its work is done and what is kept of it.

A stream is worked on piece by piece: whoever pushes a frame waits until the piece that it completes
is decoded and, at the end of a window, scored. So a caller that sends faster than this machine
scores is read no faster than that, and a stream holds a piece and two windows, not more. The pieces
of all streams wait in one line for a few threads; none gets two turns while another waits.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from secrets import token_hex
from typing import TypeVar

import structlog

from veravox.analysis import Analyser
from veravox.audio.frames import AudioFrame
from veravox.errors import (
    InvalidRequest,
    StreamIdle,
    StreamTooLong,
    Unavailable,
    VeravoxError,
)
from veravox.predictions import Origin, Prediction, PredictionRequest, PredictionService
from veravox.stream_analysis import StreamAnalysis, StreamConclusion, StreamOptions, StreamWindow
from veravox.streams.patience import Patience
from veravox.telemetry.metrics import STREAM_ENDS, STREAM_WINDOW_SECONDS, STREAMS

PIECE_SECONDS = 0.25
"""Audio that is collected before work on it begins."""
LONGEST_PIECE_SECONDS = 1.0
"""Audio in one frame beyond this is worked on in several turns."""
LARGEST_FRAME_BYTES = 1_048_576
DRAIN_LOOK_SECONDS = 0.2
LAST_WORDS_SECONDS = 2.0
SHUTDOWN_RETRY_SECONDS = 5

Answer = TypeVar("Answer")
Outcome = TypeVar("Outcome")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class StreamTerms:
    """What one worker's streams may cost.

    `most` of them at a time; each is ended after `idle_seconds` without audio and may bring at
    most `max_seconds` of it.
    """

    most: int
    idle_seconds: float
    max_seconds: float


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is heard. `key_id` is None for a person in the dashboard."""

    tenant_id: str
    key_id: str | None = None


@dataclass(frozen=True, slots=True)
class KeptAs:
    """Under what a finished stream is kept.

    `prediction_id` is the caller's own, None for a new one; `name` is what people search for.
    """

    prediction_id: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Conclusion:
    """The end of a stream: what was heard, and the prediction that was kept of it, if any.

    `wall_seconds` passed since the stream was opened.
    """

    stream: StreamConclusion
    prediction: Prediction | None
    wall_seconds: float


class StreamService:
    """The live streams of one worker. Belongs to one event loop."""

    def __init__(
        self,
        analyser: Analyser,
        predictions: PredictionService,
        executor: Executor,
        terms: StreamTerms,
    ) -> None:
        """Scores with the models of `analyser` on `executor` and keeps results in `predictions`."""
        self.terms = terms
        self._analyser = analyser
        self._predictions = predictions
        self._executor = executor
        self._open: set[LiveStream] = set()

    def __len__(self) -> int:
        """How many streams are open."""
        return len(self._open)

    @asynccontextmanager
    async def open(
        self,
        caller: Caller,
        protocol: str,
        options: StreamOptions,
        kept_as: KeptAs | None = None,
    ) -> AsyncGenerator["LiveStream"]:
        """A new stream, let go of at the end of the block however it ends.

        `protocol` is counted in metrics and kept with the prediction. Raises UnknownModel, and
        Unavailable when too many streams are open.
        """
        if len(self._open) >= self.terms.most:
            raise Unavailable(f"{self.terms.most} streams are open; try again shortly")
        kept_as = kept_as or KeptAs()
        stream_id = kept_as.prediction_id or f"pred_{token_hex(6)}"
        analysis = await self.work(lambda: self._begin(options))
        request = PredictionRequest(
            options.analysis_options,
            options.model or analysis.card.id,
            stream_id,
            name=kept_as.name,
            origin=Origin(f"stream ({protocol})", caller.key_id),
        )
        stream = LiveStream(stream_id, caller, analysis, request, self)
        self._open.add(stream)
        STREAMS.labels(protocol).inc()
        outcome = "aborted"
        try:
            yield stream
            outcome = "completed" if stream.completed else "aborted"
        except VeravoxError as error:
            outcome = type(error).__name__
            raise
        finally:
            stream.close()
            self._open.discard(stream)
            STREAMS.labels(protocol).dec()
            STREAM_ENDS.labels(protocol, outcome).inc()
            _log.info(
                "stream ended",
                stream=stream.id,
                protocol=protocol,
                outcome=outcome,
                seconds=round(stream.seconds, 1),
                key_id=caller.key_id,
            )

    def _begin(self, options: StreamOptions) -> StreamAnalysis:
        detector = self._analyser.models.resolve(options.model)
        return StreamAnalysis(detector, self._analyser.activity, options)

    def end_all(self) -> None:
        """Make every open stream conclude now, as at a shutdown."""
        for stream in list(self._open):
            stream.cut(Unavailable("The server is shutting down", SHUTDOWN_RETRY_SECONDS))

    async def end_all_when(self, draining: Callable[[], bool], grace_seconds: float) -> None:
        """Wait until `draining`, then `grace_seconds` for streams to end, then end the rest."""
        while not draining():  # noqa: ASYNC110 - a signal handler cannot set an asyncio.Event
            await asyncio.sleep(DRAIN_LOOK_SECONDS)
        await asyncio.sleep(grace_seconds)
        self.end_all()

    async def patiently(self, waiting: Awaitable[Answer]) -> Answer:
        """What `waiting` gives before a stream is open. Raises StreamIdle after the idle time."""
        try:
            async with asyncio.timeout(self.terms.idle_seconds):
                return await waiting
        except TimeoutError:
            raise StreamIdle(f"Nothing came for {self.terms.idle_seconds:g} seconds") from None

    async def keep(
        self, caller: Caller, stream_id: str, request: PredictionRequest, heard: StreamConclusion
    ) -> Prediction | None:
        """The prediction that a finished stream becomes; None when nothing was analysed."""
        if heard.analysis is None:
            return None
        return await self._predictions.record(
            caller.tenant_id, stream_id, heard.digest, request, heard.analysis
        )

    async def work(self, work: Callable[[], Outcome]) -> Outcome:
        """What `work` returns, from one of the threads."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)


class LiveStream:
    """One open stream. Its calls must not overlap."""

    def __init__(
        self,
        stream_id: str,
        caller: Caller,
        analysis: StreamAnalysis,
        request: PredictionRequest,
        service: StreamService,
    ) -> None:
        """`stream_id` is the id of the prediction that the stream becomes, as `request` tells."""
        self.id = stream_id
        self.model_id = analysis.card.id
        self.threshold = analysis.card.threshold
        self.cause: VeravoxError | None = None
        self.completed = False
        self._caller = caller
        self._analysis = analysis
        self._request = request
        self._service = service
        self._frames: list[AudioFrame] = []
        self._held = 0.0
        self._opened = time.monotonic()
        self._patience = Patience(service.terms.idle_seconds)

    @property
    def seconds(self) -> float:
        """How much audio was heard."""
        return self._analysis.seconds

    async def patiently(self, waiting: Awaitable[Answer]) -> Answer:
        """What `waiting` gives.

        Raises `cause`: StreamIdle after the idle time, or why the stream was cut.
        """
        if self.cause is not None:
            _dispose(waiting)
            raise self.cause
        try:
            return await self._patience.wait(waiting)
        except TimeoutError:
            if self.cause is None:
                idle = self._service.terms.idle_seconds
                self.cause = StreamIdle(f"Nothing came for {idle:g} seconds")
            raise self.cause from None

    async def say(self, saying: Awaitable[Answer]) -> Answer:
        """What `saying` gives, also on a stream that was cut, which then has a few seconds for it.

        Raises StreamIdle when the caller does not read.
        """
        cut = self.cause is not None
        seconds = LAST_WORDS_SECONDS if cut else self._service.terms.idle_seconds
        try:
            async with asyncio.timeout(seconds):
                return await saying
        except TimeoutError:
            raise StreamIdle(f"No answer was read for {seconds:g} seconds") from None

    def cut(self, cause: VeravoxError) -> None:
        """End the stream: whoever waits patiently, now or later, hears of `cause`."""
        if self.cause is not None:
            return
        self.cause = cause
        self._patience.end()

    def close(self) -> None:
        """Let go of it; nobody may wait any more."""
        self._patience.close()

    async def push(self, frame: AudioFrame) -> list[StreamWindow]:
        """The windows that `frame` completes; waits for its turn when a piece is complete.

        Cuts the stream when it is too long. Raises InvalidRequest and UndecodableAudio.
        """
        if len(frame.payload) > LARGEST_FRAME_BYTES:
            raise InvalidRequest(f"A frame must not exceed {LARGEST_FRAME_BYTES} bytes")
        heard: list[StreamWindow] = []
        for part in frame.parts(LONGEST_PIECE_SECONDS):
            self._frames.append(part)
            self._held += part.seconds
            if self._held >= PIECE_SECONDS:
                heard += await self._work()
        return heard

    async def finish(self) -> Conclusion:
        """Conclude the stream and keep its prediction. Raises UndecodableAudio."""
        heard = await self._work()
        concluded = await self._service.work(self._analysis.finish)
        concluded = _with_windows(concluded, heard)
        prediction = await self._service.keep(self._caller, self.id, self._request, concluded)
        self.completed = True
        return Conclusion(concluded, prediction, time.monotonic() - self._opened)

    async def _work(self) -> list[StreamWindow]:
        """Work on what was collected."""
        began = time.monotonic()
        frames, self._frames, self._held = self._frames, [], 0.0
        heard = await self._service.work(lambda: self._analysis.push(frames))
        for _ in heard:
            STREAM_WINDOW_SECONDS.observe(time.monotonic() - began)
        longest = self._service.terms.max_seconds
        if self._analysis.seconds > longest:
            self.cut(StreamTooLong(f"The stream is longer than {longest:g} seconds"))
        return heard


def _with_windows(concluded: StreamConclusion, earlier: list[StreamWindow]) -> StreamConclusion:
    return replace(concluded, windows=(*earlier, *concluded.windows))


def _dispose(waiting: Awaitable[object]) -> None:
    """Drop what will not be waited for."""
    if asyncio.iscoroutine(waiting):
        waiting.close()
