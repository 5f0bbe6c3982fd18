"""What the server, `veravox worker` and `veravox jobs` share, opened once and closed at the end."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from anyio import to_thread

from veravox.analysis import Analyser, open_analyser
from veravox.audio.decode import DecodeLimits
from veravox.db import Database, database_url
from veravox.files import AnalysisRunner, FileService, FileTerms, Housekeeping, RunnerTerms
from veravox.files.messages import LANE
from veravox.jobs import JobQueue, Lane
from veravox.predictions import (
    PredictionQueue,
    PredictionRepository,
    PredictionService,
    Workbench,
)
from veravox.reports import CardArchive
from veravox.security import server_secret
from veravox.settings import GIBIBYTE, Settings
from veravox.storage import Storage, open_storage
from veravox.webhooks import service
from veravox.webhooks.repository import DeliveryRepository
from veravox.webhooks.runner import PLACES, DeliveryRunner, Render
from veravox.webhooks.secrets import SigningSecrets
from veravox.webhooks.sender import WebhookSender
from veravox.webhooks.service import WebhookService

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
    webhooks: WebhookService


@dataclass(frozen=True, slots=True)
class Installation:
    """The records and what works on them."""

    records: Records
    analyser: Analyser
    workbench: Workbench
    predictions: PredictionService


@asynccontextmanager
async def open_records(settings: Settings) -> AsyncGenerator[Records]:
    """The records that `settings` describe. Raises InvalidSettings."""
    url = database_url(settings)
    database = Database(url)
    sender = WebhookSender(settings.webhook_hosts, settings.webhook_networks)
    try:
        storage = open_storage(settings)
        jobs = JobQueue(url)
        webhooks = WebhookService(
            database,
            jobs,
            DeliveryRepository(database),
            SigningSecrets(database, partial(server_secret, settings)),
            sender,
        )
        queue = PredictionQueue(database, (webhooks,))
        repository = PredictionRepository(database, listeners=(webhooks,))
        terms = FileTerms(
            largest=settings.max_file_gb * GIBIBYTE,
            upload_within=timedelta(seconds=settings.upload_expiry_seconds),
        )
        files = FileService(database, storage, jobs, queue, repository, terms)
        async with jobs.opened():
            yield Records(settings, database, storage, repository, queue, files, jobs, webhooks)
    finally:
        await sender.close()
        await database.close()


@asynccontextmanager
async def open_installation(
    records: Records, *, drain_seconds: float, webhook_body: Render
) -> AsyncGenerator[Installation]:
    """Work on `records` until the block ends, with the default model loaded.

    `webhook_body` renders what webhooks tell of a prediction. At the end running jobs have
    `drain_seconds` to finish; after that others may do them. Raises InvalidModel when the
    installation cannot work.
    """
    settings = records.settings
    async with AsyncExitStack() as stack:
        analyser = stack.enter_context(
            open_analyser(
                settings.models_dir,
                decoder_processes=settings.decoder_processes,
                scoring_threads=settings.scoring_threads,
                calibration=settings.calibration_file,
            )
        )
        await to_thread.run_sync(analyser.warm)
        await CardArchive(records.database).keep(analyser.models.cards())
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
        records.jobs.add_lane(_webhook_lane(records, webhook_body))
        workbench = Workbench(settings.decoder_processes, settings.queue_limit)
        await stack.enter_async_context(_at_work(records, runner, drain_seconds))
        yield Installation(
            records=records,
            analyser=analyser,
            workbench=workbench,
            predictions=PredictionService(records.repository, workbench, analyser.analyse),
        )


def _webhook_lane(records: Records, webhook_body: Render) -> Lane:
    webhooks = records.webhooks
    runner = DeliveryRunner(
        webhooks.repository, records.repository, webhooks.secrets, webhooks.sender, webhook_body
    )
    return Lane(service.LANE, runner.handle, PLACES)


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
        (records.webhooks.send_missing, records.webhooks.remove_old),
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
