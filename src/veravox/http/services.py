"""Everything a running server holds, opened once and closed at the end."""

from collections.abc import AsyncGenerator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.types import Scope

from veravox.accounts import AccountService, Quota
from veravox.analysis import Analyser
from veravox.db import Database
from veravox.errors import InvalidRequest, Unavailable
from veravox.feedback import FeedbackService
from veravox.files import FileService
from veravox.http.draining import Draining
from veravox.installation import Installation, open_installation, open_records
from veravox.predictions import PredictionService, Workbench
from veravox.reports import ReportService
from veravox.security import (
    KeyHasher,
    KeyVault,
    SigningKey,
    report_secret,
    server_secret,
    voiceprint_secret,
)
from veravox.settings import InvalidSettings, Settings
from veravox.speaker.encoder import installed_encoder
from veravox.speaker.policy import VoicePolicy
from veravox.storage import Storage
from veravox.streaming.desk import Desk
from veravox.streams import StreamService, StreamTerms
from veravox.uploads.remote import RemoteFetcher
from veravox.users import UserService
from veravox.voice_analysis import VoiceAnalyser
from veravox.voiceprints import VoiceprintRepository, VoiceprintService
from veravox.webhooks.runner import Render
from veravox.webhooks.service import WebhookService

SHUTDOWN_RETRY_SECONDS = 5
KEYS_FOLDER = "voiceprint-keys"
DRAIN_SECONDS = 5.0
"""What running jobs get to finish once the last request is answered."""


@dataclass(frozen=True, slots=True)
class Services:
    """The services of one worker. `fetcher` is None while URL ingestion is off."""

    settings: Settings
    database: Database
    accounts: AccountService
    quota: Quota
    analyser: Analyser
    workbench: Workbench
    predictions: PredictionService
    storage: Storage
    files: FileService
    webhooks: WebhookService
    voiceprints: VoiceprintService
    users: UserService
    feedback: FeedbackService
    reports: ReportService
    fetcher: RemoteFetcher | None
    streams: StreamService
    draining: Draining

    @staticmethod
    def of(scope: Scope) -> "Services":
        """The services of the application that an ASGI scope belongs to."""
        return scope["app"].state.services

    @property
    def desk(self) -> Desk:
        """Where streams come in."""
        return Desk(
            self.accounts,
            self.quota,
            self.streams,
            self.predictions,
            self.fetcher,
            self.ensure_open,
        )

    def ensure_open(self) -> None:
        """Raises Unavailable while shutting down."""
        if self.draining:
            raise Unavailable("The server is shutting down", SHUTDOWN_RETRY_SECONDS)

    def ensure_room(self) -> None:
        """Raises Unavailable while shutting down or when the queue is full."""
        self.ensure_open()
        self.workbench.ensure_room()


@asynccontextmanager
async def open_services(settings: Settings, webhook_body: Render) -> AsyncGenerator[Services]:
    """The services that `settings` describe, with the default model loaded.

    `webhook_body` renders what webhooks tell of a prediction.
    Raises InvalidModel and InvalidSettings when the installation cannot serve.
    """
    redis_url = settings.redis_url
    quota = Quota.from_url(None if redis_url is None else redis_url.get_secret_value())
    fetcher = RemoteFetcher(settings.url_ingestion_hosts) if settings.url_ingestion else None
    draining = Draining()
    try:
        async with (
            open_records(settings) as records,
            open_installation(
                records, drain_seconds=DRAIN_SECONDS, webhook_body=webhook_body
            ) as installation,
        ):
            hasher = KeyHasher(server_secret(settings))
            with (
                draining.on_signals(),
                ThreadPoolExecutor(
                    settings.scoring_threads, thread_name_prefix="streaming"
                ) as executor,
            ):
                yield Services(
                    settings=settings,
                    database=records.database,
                    accounts=AccountService(records.database, hasher),
                    quota=quota,
                    analyser=installation.analyser,
                    workbench=installation.workbench,
                    predictions=installation.predictions,
                    storage=records.storage,
                    files=records.files,
                    webhooks=records.webhooks,
                    voiceprints=_voiceprints(settings, installation, hasher),
                    users=UserService(records.database, hasher),
                    feedback=FeedbackService(records.database, records.repository),
                    reports=await _reports(settings, installation),
                    fetcher=fetcher,
                    streams=_streams(settings, installation, executor),
                    draining=draining,
                )
    finally:
        if fetcher is not None:
            await fetcher.close()
        await quota.close()


def _streams(settings: Settings, installation: Installation, executor: Executor) -> StreamService:
    terms = StreamTerms(
        most=settings.stream_limit,
        idle_seconds=settings.stream_idle_seconds,
        max_seconds=settings.stream_max_seconds,
    )
    return StreamService(installation.analyser, installation.predictions, executor, terms)


async def _reports(settings: Settings, installation: Installation) -> ReportService:
    """Raises InvalidSettings."""
    records = installation.records
    reports = ReportService(
        records.database,
        records.repository,
        installation.workbench,
        SigningKey(report_secret(settings)),
    )
    await reports.open()
    return reports


def _voiceprints(
    settings: Settings, installation: Installation, hasher: KeyHasher
) -> VoiceprintService:
    """Raises InvalidModel and InvalidSettings."""
    policy = VoicePolicy(settings.voice_false_match_rate, settings.voice_spoof_verdict_needed)
    encoder = installed_encoder(settings.voice_model_dir)
    try:
        voices = None if encoder is None else VoiceAnalyser(installation.analyser, encoder, policy)
    except InvalidRequest as error:
        raise InvalidSettings(f"voice_{error.message}") from None
    folder = settings.voiceprint_keys_dir or settings.data_dir / KEYS_FOLDER
    vault = KeyVault(folder, voiceprint_secret(settings))
    repository = VoiceprintRepository(installation.records.database, vault, hasher)
    return VoiceprintService(repository, installation.workbench, voices)
