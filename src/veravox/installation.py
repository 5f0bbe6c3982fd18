"""What the server and `veravox worker` share, opened once and closed at the end."""

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
class Installation:
    """The parts that work on predictions."""

    settings: Settings
    database: Database
    storage: Storage
    analyser: Analyser
    workbench: Workbench
    predictions: PredictionService
    files: FileService
    jobs: JobQueue


@asynccontextmanager
async def open_installation(
    settings: Settings, listeners: Sequence[FinishedListener] = ()
) -> AsyncGenerator[Installation]:
    """What `settings` describe, with the default model loaded, at work until the block ends.

    `listeners` hear of every finished prediction. Raises InvalidModel and InvalidSettings when the
    installation cannot work.
    """
    url = database_url(settings)
    async with AsyncExitStack() as stack:
        database = Database(url)
        stack.push_async_callback(database.close)
        jobs = JobQueue(url)
        analyser = stack.enter_context(
            open_analyser(
                settings.models_dir,
                decoder_processes=settings.decoder_processes,
                scoring_threads=settings.scoring_threads,
            )
        )
        await to_thread.run_sync(analyser.warm)
        storage = open_storage(settings)
        queue = PredictionQueue(database, listeners)
        workbench = Workbench(settings.decoder_processes, settings.queue_limit)
        repository = PredictionRepository(database, listeners=listeners)
        predictions = PredictionService(repository, workbench, analyser.analyse)
        files = FileService(database, storage, jobs, queue, predictions, _file_terms(settings))
        background = stack.enter_context(
            open_analyser(
                decoder_processes=max(1, settings.job_concurrency),
                scoring_threads=max(1, settings.job_concurrency),
                limits=JOB_LIMITS,
                beside=analyser,
            )
        )
        runner = AnalysisRunner(
            database,
            storage,
            queue,
            background.analyse,
            _runner_terms(settings),
            settings.job_concurrency,
        )
        jobs.add_lane(Lane(LANE, runner.handle, settings.job_concurrency))
        await stack.enter_async_context(jobs.opened())
        keep_results = _days(settings.result_retention_days)
        housekeeping = Housekeeping(database, storage, jobs, queue, files, keep_results)
        await stack.enter_async_context(_at_work(jobs, runner, housekeeping))
        yield Installation(
            settings=settings,
            database=database,
            storage=storage,
            analyser=analyser,
            workbench=workbench,
            predictions=predictions,
            files=files,
            jobs=jobs,
        )


@asynccontextmanager
async def _at_work(
    jobs: JobQueue, runner: AnalysisRunner, housekeeping: Housekeeping
) -> AsyncGenerator[None]:
    """Handles messages and keeps house while the block runs; then gives running jobs back."""
    tasks = [asyncio.create_task(jobs.run()), asyncio.create_task(housekeeping.run())]
    try:
        yield
    finally:
        runner.stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _file_terms(settings: Settings) -> FileTerms:
    return FileTerms(
        largest=settings.max_file_gb * GIBIBYTE,
        upload_within=timedelta(seconds=settings.upload_expiry_seconds),
        keep_audio=timedelta(seconds=settings.audio_retention_seconds),
    )


def _runner_terms(settings: Settings) -> RunnerTerms:
    return RunnerTerms(
        attempts=settings.job_attempts,
        keep_audio=timedelta(seconds=settings.audio_retention_seconds),
        keep_failed=timedelta(seconds=settings.upload_expiry_seconds),
    )


def _days(days: int | None) -> timedelta | None:
    return None if days is None else timedelta(days=days)
