"""The job: analyse one uploaded recording, whatever happens on the way.

A prediction that this process works on is held by a claim, which is renewed together with the
progress. When the claim is lost, because the prediction was canceled or deleted or because this
process was cut off and another took over, the work stops at its next window.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import BinaryIO

import structlog
from anyio import CapacityLimiter, to_thread
from sqlalchemy.exc import SQLAlchemyError

from veravox.analysis import Analysis, AnalysisOptions, OnProgress, Progress
from veravox.db import Database, database_now
from veravox.errors import (
    AudioTooShort,
    InvalidRequest,
    MediaError,
    NotFound,
    Unavailable,
    VeravoxError,
)
from veravox.files.disposal import Disposal
from veravox.files.file import StoredFile
from veravox.files.repository import FileRepository
from veravox.jobs import RetryLater
from veravox.predictions import Claimed, Custody, Failure, PredictionQueue, file_facts
from veravox.storage import Storage
from veravox.telemetry.metrics import ANALYSIS_SECONDS, JOBS

RENEW_SECONDS = 2.0
AWAY_SECONDS = 5.0
SETTLE_ATTEMPTS = 60
LONGEST_PAUSE_SECONDS = 60.0

Analyse = Callable[[BinaryIO, AnalysisOptions, OnProgress], Analysis]

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RunnerTerms:
    """`attempts` that may end without a result; audio stays `keep_audio` after its analysis.

    The audio of a prediction that was given up stays `keep_failed`, so that it can be tried again.
    """

    attempts: int
    keep_audio: timedelta
    keep_failed: timedelta


class _Stopped(Exception):
    """Ends an analysis whose result nobody is to have."""


@dataclass(slots=True, eq=False)
class _Work:
    """What the analysing thread and the event loop tell each other."""

    progress: Progress = field(default_factory=Progress)
    stopped: bool = False

    def check(self) -> None:
        """Called by the thread. Raises _Stopped when the work has become pointless."""
        if self.stopped:
            raise _Stopped

    def advance(self, progress: Progress) -> None:
        """Called by the thread. Raises as `check` does."""
        self.check()
        self.progress = progress


@dataclass(frozen=True, slots=True)
class _Examined:
    """What came of a recording, and what is known of its way but for its end."""

    custody: Custody
    analysis: Analysis


class AnalysisRunner:
    """Runs the analyses that messages ask for, `places` of them at a time."""

    def __init__(
        self,
        database: Database,
        storage: Storage,
        queue: PredictionQueue,
        analyse: Analyse,
        terms: RunnerTerms,
        places: int,
    ) -> None:
        """`analyse` blocks; it runs in a thread."""
        self._database = database
        self._storage = storage
        self._queue = queue
        self._analyse = analyse
        self._terms = terms
        self._files = FileRepository()
        self._disposal = Disposal(database, storage)
        self._limiter = CapacityLimiter(max(places, 1))
        self._running: set[_Work] = set()
        self._stopping = False

    def stop(self) -> None:
        """Give up what is being done, uncounted, so that others may do it."""
        self._stopping = True
        if self._running:
            _log.info("running analyses are given back", analyses=len(self._running))
        for work in self._running:
            work.stopped = True

    async def handle(self, tenant_id: str, prediction_id: str) -> None:
        """Bring one prediction to its end unless it has come to it or another works on it.

        Raises RetryLater when that could not be done now.
        """
        claimed = await self._queue.claim(tenant_id, prediction_id)
        if claimed is None:
            return
        if isinstance(claimed, timedelta):
            raise RetryLater(claimed.total_seconds())
        if claimed.attempt > self._terms.attempts:
            await self._give_up(claimed)
            return
        async with self._database.transaction() as session:
            now = await database_now(session)
            file = await self._files.of_prediction(session, tenant_id, prediction_id, now)
        if file is None:
            await self._fail(claimed, Failure("not_found", "The recording is not stored any more"))
            return
        await self._process(claimed, file)

    async def _process(self, claimed: Claimed, file: StoredFile) -> None:
        try:
            examined = await self._run(claimed, file)
        except _Stopped:
            await self._queue.release(claimed, counted=False)
            raise RetryLater(0.0) from None
        except Unavailable as error:
            await self._queue.release(claimed, counted=False)
            _log.warning("an analysis has to wait", reason=error.message)
            raise RetryLater(AWAY_SECONDS) from error
        except VeravoxError as error:
            await self._fail(claimed, _failure(error))
        except Exception as error:
            _log.exception("an analysis ended without a result", attempt=claimed.attempt)
            await self._queue.release(claimed, counted=True)
            raise RetryLater(min(2.0**claimed.attempt, LONGEST_PAUSE_SECONDS)) from error
        else:
            ANALYSIS_SECONDS.observe(examined.analysis.processing_time)
            await self._complete(claimed, examined)

    async def _run(self, claimed: Claimed, file: StoredFile) -> _Examined:
        def analyse() -> _Examined:
            with self._storage.open(file.id) as media:
                facts = file_facts(media, work.check)
                analysis = self._analyse(media, claimed.options, work.advance)
            return _Examined(Custody(received_at=file.arrived_at, file=facts), analysis)

        work = _Work(stopped=self._stopping)
        self._running.add(work)
        try:
            async with self._held(claimed, work):
                return await to_thread.run_sync(analyse, limiter=self._limiter)
        finally:
            self._running.discard(work)

    @asynccontextmanager
    async def _held(self, claimed: Claimed, work: _Work) -> AsyncGenerator[None]:
        """Renews the claim and tells the progress while the block runs."""
        renewal = asyncio.create_task(self._renew(claimed, work))
        try:
            yield
        finally:
            renewal.cancel()
            await asyncio.gather(renewal, return_exceptions=True)

    async def _renew(self, claimed: Claimed, work: _Work) -> None:
        while not work.stopped:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                held = await self._queue.report(claimed, work.progress)
            except SQLAlchemyError as error:
                _log.warning("progress cannot be told", reason=type(error).__name__)
            else:
                work.stopped = work.stopped or not held

    async def _complete(self, claimed: Claimed, examined: _Examined) -> None:
        """Keep the result; a database that is away does not cost the analysis."""
        for _ in range(SETTLE_ATTEMPTS - 1):
            try:
                return await self._settle(claimed, examined, self._terms.keep_audio)
            except SQLAlchemyError as error:
                _log.warning("a result cannot be kept yet", reason=type(error).__name__)
                await asyncio.sleep(AWAY_SECONDS)
        return await self._settle(claimed, examined, self._terms.keep_audio)

    async def _fail(self, claimed: Claimed, failure: Failure) -> None:
        await self._settle(claimed, failure, self._terms.keep_audio)

    async def _give_up(self, claimed: Claimed) -> None:
        times = self._terms.attempts
        message = f"The analysis was begun {times} times and ended each time without a result"
        keep = max(self._terms.keep_audio, self._terms.keep_failed)
        await self._settle(claimed, Failure("internal_error", message), keep)

    async def _settle(
        self, claimed: Claimed, outcome: _Examined | Failure, keep_audio: timedelta
    ) -> None:
        async with self._database.transaction() as session:
            moment = await database_now(session) + keep_audio
            if isinstance(outcome, Failure):
                settled = await self._queue.fail(session, claimed, outcome)
            else:
                custody = replace(outcome.custody, audio_kept_until=moment)
                settled = await self._queue.complete(session, claimed, outcome.analysis, custody)
            if not settled:
                return
            await self._files.delete_at(session, claimed.tenant_id, claimed.prediction_id, moment)
        JOBS.labels(outcome="failed" if isinstance(outcome, Failure) else "completed").inc()
        await self._disposal.run()


def _failure(error: VeravoxError) -> Failure:
    """An error of the recording or the request, in the words of the API."""
    if isinstance(error, NotFound):
        return Failure("not_found", error.message)
    if isinstance(error, MediaError) and not isinstance(error, AudioTooShort):
        return Failure("unsupported_format", error.message)
    if isinstance(error, InvalidRequest | AudioTooShort):
        return Failure("validation_error", error.message)
    return Failure("internal_error", "Internal server error")
