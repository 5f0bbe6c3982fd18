"""`veravox worker`: analyses the recordings of `/v1/file`, on any machine."""

import asyncio
import signal

import structlog
from procrastinate.exceptions import ConnectorException
from sqlalchemy.exc import SQLAlchemyError

from veravox.cli.console import fail, settings
from veravox.db import database_url, upgrade
from veravox.errors import VeravoxError
from veravox.http.dialects.aurigin_v1_webhooks import webhook_body
from veravox.installation import open_installation, open_records
from veravox.settings import InvalidSettings, Settings
from veravox.telemetry.logs import configure_logs

_log = structlog.get_logger(__name__)


def worker() -> None:
    """Analyse queued recordings until Ctrl-C. Needs PostgreSQL.

    `VERAVOX_JOB_CONCURRENCY` says how many at a time.
    """
    config = settings()
    url = database_url(config)
    if url.get_backend_name() != "postgresql":
        fail("a worker needs VERAVOX_DATABASE_URL=postgresql://...; with SQLite the server works")
    if config.job_concurrency == 0:
        fail("a worker needs VERAVOX_JOB_CONCURRENCY of at least 1")
    configure_logs(config.log_format, config.log_level)
    try:
        upgrade(url)
        asyncio.run(_work(config))
    except (SQLAlchemyError, ConnectorException) as error:
        fail(f"the database cannot be used: {type(error).__name__}")
    except (InvalidSettings, VeravoxError) as error:
        fail(str(error))


async def _work(config: Settings) -> None:
    told_to_end = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told_to_end.set)
    async with (
        open_records(config) as records,
        open_installation(
            records, drain_seconds=float(config.shutdown_seconds), webhook_body=webhook_body
        ),
    ):
        _log.info("working", concurrency=config.job_concurrency)
        await told_to_end.wait()
        _log.info("finishing what was begun", seconds=config.shutdown_seconds)
