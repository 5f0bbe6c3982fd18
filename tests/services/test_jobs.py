"""Jobs in PostgreSQL, done by worker processes; recordings in S3. What dies, dies for real."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy import create_engine, text

from tests.audio_factory import encode, speech, spoken_file
from tests.file_client import announce, final, put, state
from tests.http_factory import create_key
from tests.processes import ServerProcess, end, free_port, serve, start
from tests.proxy import Proxy
from tests.storm import Customer, Weather, survive
from veravox.accounts import Plan
from veravox.settings import Settings

pytestmark = pytest.mark.timeout(1_800)

SPOKEN = spoken_file(seconds=4.0)
LONG = encode(speech(1_800.0, 8_000), 8_000)
"""Half an hour, which takes some seconds."""
RESCUE_SECONDS = 240.0
"""Enough for a dead worker to be noticed and a long job to be done again."""
STORM_FILES = int(os.environ.get("VERAVOX_TEST_STORM_FILES", "12"))


@contextmanager
def worker(settings: Settings, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    process = start("worker", settings=settings, **variables)
    try:
        yield process
    finally:
        end(process)


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
    """`url` with the proxy's port."""
    port = urlsplit(url).port
    return url.replace(f":{port}", f":{proxy.port}", 1)


@contextmanager
def proxied(settings: Settings, field: str) -> Iterator[tuple[Settings, Proxy]]:
    """The settings with a proxy before the server that `field` names."""
    value = getattr(settings, field)
    url = value if isinstance(value, str) else value.get_secret_value()
    port = urlsplit(url).port
    assert port is not None
    with Proxy(port).running() as proxy:
        changed = type(value)(behind(proxy, url))
        yield settings.model_copy(update={field: changed}), proxy


def test_a_worker_does_what_the_server_accepted(s3_settings: Settings) -> None:
    with server_without_jobs(s3_settings) as server, server.client() as client:
        waiting = [uploaded(client, SPOKEN, size=len(SPOKEN)) for _ in range(3)]
        for prediction_id in waiting:
            wait_for(client, prediction_id, "queued")
        with worker(s3_settings):
            bodies = [final(client, prediction_id) for prediction_id in waiting]
            wait_for_an_empty_queue(s3_settings)
        assert [body["status"] for body in bodies] == ["completed"] * 3


def test_the_job_of_a_killed_worker_is_done_by_another(s3_settings: Settings) -> None:
    with server_without_jobs(s3_settings) as server, server.client() as client:
        with worker(s3_settings) as doomed:
            prediction_id = uploaded(client, LONG)
            wait_for(client, prediction_id, "processing")
            doomed.kill()
        with worker(s3_settings):
            body = final(client, prediction_id, RESCUE_SECONDS)
        assert body["status"] == "completed"
        assert body["audio_duration"] == 1_800.0


def test_a_worker_that_was_cut_off_changes_nothing_when_it_comes_back(
    s3_settings: Settings,
) -> None:
    """Stopped for longer than its claim lasts, as a machine that lost its network."""
    with server_without_jobs(s3_settings) as server, server.client() as client:
        with worker(s3_settings) as lost, ExitStack() as stack:
            prediction_id = uploaded(client, LONG)
            wait_for(client, prediction_id, "processing")
            lost.send_signal(signal.SIGSTOP)
            stack.enter_context(worker(s3_settings))
            body = final(client, prediction_id, RESCUE_SECONDS)
            lost.send_signal(signal.SIGCONT)
            after = uploaded(client, SPOKEN)
            assert final(client, after)["status"] == "completed"
            assert state(client, prediction_id) == body
        assert count(s3_settings, "SELECT attempts FROM predictions WHERE attempts > 1") == 2


def test_the_job_of_a_host_that_lost_its_network_is_done_by_another(
    s3_settings: Settings,
) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(server_without_jobs(s3_settings))
        client = stack.enter_context(server.client())
        apart, database = stack.enter_context(proxied(s3_settings, "database_url"))
        apart, storage = stack.enter_context(proxied(apart, "storage_endpoint"))
        stack.enter_context(worker(apart))
        prediction_id = uploaded(client, LONG)
        wait_for(client, prediction_id, "processing")
        database.cut()
        storage.cut()
        stack.enter_context(worker(s3_settings))
        body = final(client, prediction_id, RESCUE_SECONDS)
        assert body["status"] == "completed"
        database.mend()
        storage.mend()
        after = uploaded(client, SPOKEN)
        assert final(client, after)["status"] == "completed"
        assert state(client, prediction_id) == body


def test_two_workers_give_every_file_one_result(s3_settings: Settings) -> None:
    with server_without_jobs(s3_settings) as server, server.client() as client:
        with worker(s3_settings, job_concurrency="2"), worker(s3_settings, job_concurrency="2"):
            names = [uploaded(client, SPOKEN) for _ in range(20)]
            bodies = [final(client, name) for name in names]
            wait_for_an_empty_queue(s3_settings)
        assert [body["status"] for body in bodies] == ["completed"] * 20
        assert count(s3_settings, "SELECT max(attempts) FROM predictions") == 1


def test_of_many_starts_at_once_one_counts(s3_settings: Settings) -> None:
    with server_without_jobs(s3_settings) as server, server.client() as client:
        created = announce(client)
        put(created, SPOKEN)
        path = f"/v1/predictions/{created['prediction_id']}/start"
        threads = [threading.Thread(target=client.post, args=(path,)) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert count(s3_settings, "SELECT count(*) FROM procrastinate_jobs") == 1


def test_a_killed_server_with_jobs_of_its_own_loses_none(postgresql_settings: Settings) -> None:
    port = free_port()
    with serve(postgresql_settings, port=port) as server, server.client() as client:
        long, short = uploaded(client, LONG), uploaded(client, SPOKEN)
        wait_for(client, long, "processing")
        server.kill()
    with serve(postgresql_settings, server.key, port) as server, server.client() as client:
        assert final(client, short, RESCUE_SECONDS)["status"] == "completed"
        assert final(client, long, RESCUE_SECONDS)["status"] == "completed"


def test_a_database_that_is_away_for_a_while_costs_nothing(s3_settings: Settings) -> None:
    with ExitStack() as stack:
        settings, database = stack.enter_context(proxied(s3_settings, "database_url"))
        server = stack.enter_context(server_without_jobs(settings))
        stack.enter_context(worker(settings))
        client = stack.enter_context(server.client())
        running = uploaded(client, LONG)
        waiting = [uploaded(client, SPOKEN) for _ in range(3)]
        wait_for(client, running, "processing")
        database.cut()
        answer = client.post("/v1/file", json={"filename": "a.wav"})
        assert answer.status_code == 503
        assert "Retry-After" in answer.headers
        assert httpx.get(f"{server.url}/readyz").status_code == 503
        time.sleep(20.0)
        database.mend()
        bodies = [final(client, name, RESCUE_SECONDS) for name in (running, *waiting)]
        assert [body["status"] for body in bodies] == ["completed"] * 4


def test_a_storage_that_is_away_for_a_while_costs_nothing(s3_settings: Settings) -> None:
    with ExitStack() as stack:
        settings, storage = stack.enter_context(proxied(s3_settings, "storage_endpoint"))
        server = stack.enter_context(server_without_jobs(settings))
        client = stack.enter_context(server.client())
        waiting = [uploaded(client, SPOKEN) for _ in range(3)]
        for name in waiting:
            wait_for(client, name, "queued")
        storage.cut()
        with worker(settings):
            time.sleep(15.0)
            assert {state(client, name)["status"] for name in waiting} <= {"queued", "processing"}
            storage.mend()
            bodies = [final(client, name) for name in waiting]
        assert [body["status"] for body in bodies] == ["completed"] * 3
        assert count(s3_settings, "SELECT max(attempts) FROM predictions") == 1


def test_without_redis_requests_are_admitted_and_counted(
    postgresql_settings: Settings, redis_url: str
) -> None:
    port = urlsplit(redis_url).port
    assert port is not None
    with Proxy(port).running() as proxy, ExitStack() as stack:
        url = behind(proxy, redis_url)
        server = stack.enter_context(serve(postgresql_settings, redis_url=url))
        client = stack.enter_context(server.client())
        assert client.get("/v1/predictions").status_code == 200
        proxy.cut()
        assert client.get("/v1/predictions").status_code == 200
        metrics = httpx.get(f"{server.url}/metrics").text
        name = "veravox_rate_limit_backend_failures_total "
        failures = [line for line in metrics.splitlines() if line.startswith(name)]
        assert float(failures[0].removeprefix(name)) >= 1


def test_every_file_of_a_storm_of_kills_has_one_final_result(s3_settings: Settings) -> None:
    """Two workers are killed in turn, at random moments, while files come in."""
    key = create_key(s3_settings, Plan.ENTERPRISE, requests_per_minute=1_000_000).key
    with serve(s3_settings, key, job_concurrency="0") as server:
        workers = [start("worker", settings=s3_settings) for _ in range(2)]

        def kill() -> None:
            end(workers.pop(0))
            workers.append(start("worker", settings=s3_settings))

        kills = 2 + STORM_FILES // 10
        weather = Weather(kill, seed=20261121, most=kills, pauses=(4.0, 12.0))
        try:
            customer = Customer(server.url, key)
            bodies = survive(customer, weather, STORM_FILES, SPOKEN)
        finally:
            for process in workers:
                end(process)
    print(f"{STORM_FILES} files, {weather.kills} kills")
    assert [body["status"] for body in bodies] == ["completed"] * STORM_FILES
    assert len({str(body["segments"]) for body in bodies}) == 1
    assert count(s3_settings, "SELECT count(*) FROM predictions") == STORM_FILES
