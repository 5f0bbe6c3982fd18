"""Jobs in PostgreSQL, done by worker processes, with recordings in S3 or in a folder."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from sqlalchemy import create_engine, text

from tests.audio_factory import spoken_file
from tests.file_client import announce, final, put, state
from tests.hostile import silent_flac
from tests.processes import ServerProcess, end, serve, start
from veravox.settings import Settings

SPOKEN = spoken_file(seconds=6.0)
LONG = silent_flac(6.0)
RESCUE_SECONDS = 90.0
"""Enough for a dead worker to be noticed and its work to be done again."""


@contextmanager
def worker(settings: Settings, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    process = start("worker", settings=settings, **variables)
    try:
        yield process
    finally:
        end(process)


@contextmanager
def server_without_jobs(settings: Settings) -> Iterator[ServerProcess]:
    with serve(settings, job_concurrency="0") as server:
        yield server


def uploaded(client: httpx.Client, content: bytes, **fields: object) -> str:
    created = announce(client, **fields)
    assert put(created, content).status_code == 200
    return created["prediction_id"]


def wait_for(client: httpx.Client, prediction_id: str, status: str, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while (body := state(client, prediction_id))["status"] != status:
        assert time.monotonic() < deadline, body
        time.sleep(0.05)


def messages(settings: Settings) -> int:
    """How many messages the queue holds."""
    assert settings.database_url is not None
    engine = create_engine(
        settings.database_url.get_secret_value().replace("postgresql:", "postgresql+psycopg:")
    )
    with engine.connect() as connection:
        count = connection.execute(text("SELECT count(*) FROM procrastinate_jobs")).scalar_one()
    engine.dispose()
    return count


def test_a_worker_does_what_the_server_accepted(s3_settings: Settings) -> None:
    with server_without_jobs(s3_settings) as server, server.client() as client:
        waiting = [uploaded(client, SPOKEN, size=len(SPOKEN)) for _ in range(3)]
        for prediction_id in waiting:
            wait_for(client, prediction_id, "queued")
        with worker(s3_settings):
            bodies = [final(client, prediction_id) for prediction_id in waiting]
        assert [body["status"] for body in bodies] == ["completed"] * 3
        assert messages(s3_settings) == 0


def test_the_job_of_a_killed_worker_is_done_by_another(s3_settings: Settings) -> None:
    with server_without_jobs(s3_settings) as server, server.client() as client:
        with worker(s3_settings) as doomed:
            prediction_id = uploaded(client, LONG)
            wait_for(client, prediction_id, "processing")
            doomed.kill()
        with worker(s3_settings):
            body = final(client, prediction_id, RESCUE_SECONDS)
        assert body["status"] == "completed"
        assert body["audio_duration"] == pytest.approx(6 * 3600)
