"""What the server, `veravox worker` and `veravox jobs` share, opened once and closed at the end."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from anyio import to_thread

from veravox.analysis import Analyser, open_analyser
from veravox.audio.decode import DecodeLimits
from veravox.db import Database, database_url
from veravox.files import AnalysisRunner, FileService, FileTerms, Housekeeping, RunnerTerms
from veravox.files.messages import LANE
from veravox.jobs import JobQueue, Lane
from veravox.predictions import (
    FinishedListener,
    PredictionQueue,
    PredictionRepository,
    PredictionService,
    Workbench,
)
from veravox.settings import GIBIBYTE, Settings
from veravox.storage import Storage, open_storage

JOB_LIMITS = DecodeLimits(cpu_seconds=3_600, wall_seconds=7_200.0)
"""What decoding the recording of a job may cost."""


@dataclass(frozen=True, slots=True)
class Records:
    """What is known and stored; nothing in it works by itself."""

    settings: Settings
    database: Database
    storage: Storage
    repository: PredictionRepository
    queue: PredictionQueue
    files: FileService
    jobs: JobQueue


@dataclass(frozen=True, slots=True)
class Installation:
    """The records and what works on them."""

    records: Records
    analyser: Analyser
    workbench: Workbench
    predictions: PredictionService


@asynccontextmanager
async def open_records(
    settings: Settings, listeners: Sequence[FinishedListener] = ()
) -> AsyncGenerator[Records]:
    """The records that `settings` describe. `listeners` hear of every finished prediction.

    Raises InvalidSettings.
    """
    url = database_url(settings)
    database = Database(url)
    try:
        storage = open_storage(settings)
        jobs = JobQueue(url)
        queue = PredictionQueue(database, listeners)
        repository = PredictionRepository(database, listeners=listeners)
        terms = FileTerms(
            largest=settings.max_file_gb * GIBIBYTE,
            upload_within=timedelta(seconds=settings.upload_expiry_seconds),
        )
        files = FileService(database, storage, jobs, queue, repository, terms)
        async with jobs.opened():
            yield Records(settings, database, storage, repository, queue, files, jobs)
    finally:
        await database.close()


@asynccontextmanager
async def open_installation(
    records: Records, *, drain_seconds: float
) -> AsyncGenerator[Installation]:
    """Work on `records` until the block ends, with the default model loaded.

    Then running jobs have `drain_seconds` to finish; after that others may do them. Raises
    InvalidModel when the installation cannot work.
    """
    settings = records.settings
    async with AsyncExitStack() as stack:
        analyser = stack.enter_context(
            open_analyser(
                settings.models_dir,
                decoder_processes=settings.decoder_processes,
                scoring_threads=settings.scoring_threads,
            )
        )
        await to_thread.run_sync(analyser.warm)
        background = stack.enter_context(
            open_analyser(
                decoder_processes=max(1, settings.job_concurrency),
                scoring_threads=settings.scoring_threads,
                limits=JOB_LIMITS,
                beside=analyser,
            )
        )
        runner = _runner(records, background)
        records.jobs.add_lane(Lane(LANE, runner.handle, settings.job_concurrency))
        workbench = Workbench(settings.decoder_processes, settings.queue_limit)
        await stack.enter_async_context(_at_work(records, runner, drain_seconds))
        yield Installation(
            records=records,
            analyser=analyser,
            workbench=workbench,
            predictions=PredictionService(records.repository, workbench, analyser.analyse),
        )


def _runner(records: Records, analyser: Analyser) -> AnalysisRunner:
    settings = records.settings
    terms = RunnerTerms(
        attempts=settings.job_attempts,
        keep_audio=timedelta(seconds=settings.audio_retention_seconds),
        keep_failed=timedelta(seconds=settings.upload_expiry_seconds),
    )
    return AnalysisRunner(
        records.database,
        records.storage,
        records.queue,
        analyser.analyse,
        terms,
        settings.job_concurrency,
    )


@asynccontextmanager
async def _at_work(
    records: Records, runner: AnalysisRunner, drain_seconds: float
) -> AsyncGenerator[None]:
    """Handles messages and keeps house while the block runs."""
    days = records.settings.result_retention_days
    housekeeping = Housekeeping(
        records.database,
        records.storage,
        records.jobs,
        records.queue,
        records.files,
        None if days is None else timedelta(days=days),
    )
    tasks = [asyncio.create_task(records.jobs.run()), asyncio.create_task(housekeeping.run())]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=drain_seconds)
        runner.stop()
        await asyncio.gather(*tasks, return_exceptions=True)
