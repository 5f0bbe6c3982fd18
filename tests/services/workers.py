"""Servers and workers of one installation on PostgreSQL and S3, and what happens to them."""

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
from sqlalchemy import create_engine, text

from tests.audio_factory import spoken_file
from tests.file_client import announce, final, put, state
from tests.processes import Hold, ServerProcess, end, held, serve, start
from tests.proxy import Proxy
from veravox.settings import Settings

SPOKEN = spoken_file(seconds=4.0)
RESCUE_SECONDS = 240.0
"""Enough for a dead worker to be noticed and its job to be done again."""


@contextmanager
def worker(
    settings: Settings, prefix: Sequence[str] = (), **variables: str
) -> Iterator[subprocess.Popen[bytes]]:
    process = start("worker", settings=settings, prefix=prefix, **variables)
    try:
        yield process
    finally:
        end(process)


@dataclass(frozen=True)
class AtWork:
    """A worker, and a job that it has begun and cannot finish before it is released."""

    process: subprocess.Popen[bytes]
    prediction_id: str
    hold: Hold


@contextmanager
def worker_at_work(
    settings: Settings, client: httpx.Client, prefix: Sequence[str] = (), **variables: str
) -> Iterator[AtWork]:
    with worker(settings, prefix, **variables) as process:
        assert final(client, uploaded(client, SPOKEN))["status"] == "completed"
        with held(process) as hold:
            prediction_id = uploaded(client, SPOKEN)
            wait_for(client, prediction_id, "processing")
            yield AtWork(process, prediction_id, hold)


@contextmanager
def server_without_jobs(settings: Settings, **variables: str) -> Iterator[ServerProcess]:
    with serve(settings, job_concurrency="0", **variables) as server:
        yield server


def uploaded(client: httpx.Client, content: bytes, **fields: object) -> str:
    created = announce(client, **fields)
    assert put(created, content).status_code == 200
    return created["prediction_id"]


def wait_for(client: httpx.Client, prediction_id: str, status: str, seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while (body := state(client, prediction_id))["status"] != status:
        assert time.monotonic() < deadline, body
        time.sleep(0.05)


def count(settings: Settings, query: str) -> int:
    assert settings.database_url is not None
    url = settings.database_url.get_secret_value().replace("postgresql:", "postgresql+psycopg:")
    engine = create_engine(url)
    with engine.connect() as connection:
        found = connection.execute(text(query)).scalar_one()
    engine.dispose()
    return found


def wait_for_an_empty_queue(settings: Settings) -> None:
    deadline = time.monotonic() + 60.0
    while count(settings, "SELECT count(*) FROM procrastinate_jobs"):
        assert time.monotonic() < deadline
        time.sleep(0.2)


def behind(proxy: Proxy, url: str) -> str:
    """`url` with the proxy's address."""
    parts = urlsplit(url)
    there = f"{parts.hostname}:{parts.port}"
    return url.replace(there, f"{proxy.address}:{proxy.port}", 1)


@contextmanager
def proxied(
    settings: Settings, field: str, address: str = "127.0.0.1"
) -> Iterator[tuple[Settings, Proxy]]:
    """The settings with a proxy at `address` before the server that `field` names."""
    value = getattr(settings, field)
    url = value if isinstance(value, str) else value.get_secret_value()
    port = urlsplit(url).port
    assert port is not None
    with Proxy(port, address).running() as proxy:
        changed = type(value)(behind(proxy, url))
        yield settings.model_copy(update={field: changed}), proxy
