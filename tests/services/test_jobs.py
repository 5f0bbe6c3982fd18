"""Jobs in PostgreSQL, done by worker processes; recordings in S3. What dies, dies for real."""

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from urllib.parse import urlsplit

import httpx
import pytest

from tests.broken_upload import upload_twice
from tests.file_client import announce, final, put, state
from tests.http_factory import create_key, upload
from tests.processes import end, free_port, held, serve, start
from tests.proxy import Proxy
from tests.services.workers import (
    RESCUE_SECONDS,
    SPOKEN,
    behind,
    count,
    proxied,
    server_without_jobs,
    uploaded,
    wait_for,
    wait_for_an_empty_queue,
    worker,
    worker_at_work,
)
from tests.storm import Customer, survive
from veravox.accounts import Plan
from veravox.settings import Settings

pytestmark = pytest.mark.timeout(1_800)

BALANCER_SECONDS = 2.0
"""What a balancer needs to notice that a server comes or goes."""
STORM_FILES = int(os.environ.get("VERAVOX_TEST_STORM_FILES", "12"))


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
        with worker_at_work(s3_settings, client) as doomed:
            doomed.process.kill()
        with worker(s3_settings):
            body = final(client, doomed.prediction_id, RESCUE_SECONDS)
        assert body["status"] == "completed"
        assert body["audio_duration"] == 4.0


def test_a_worker_that_was_cut_off_changes_nothing_when_it_comes_back(
    s3_settings: Settings,
) -> None:
    """Stopped for longer than its claim lasts, as a machine that lost its network."""
    with ExitStack() as stack:
        server = stack.enter_context(server_without_jobs(s3_settings))
        client = stack.enter_context(server.client())
        lost = stack.enter_context(worker_at_work(s3_settings, client))
        lost.process.send_signal(signal.SIGSTOP)
        with worker(s3_settings):
            body = final(client, lost.prediction_id, RESCUE_SECONDS)
        assert body["status"] == "completed"
        lost.process.send_signal(signal.SIGCONT)
        lost.hold.release()
        after = uploaded(client, SPOKEN)
        assert final(client, after, RESCUE_SECONDS)["status"] == "completed"
        assert state(client, lost.prediction_id) == body
        assert count(s3_settings, "SELECT attempts FROM predictions WHERE attempts > 1") == 2


def test_the_job_of_a_host_that_lost_its_network_is_done_by_another(
    s3_settings: Settings,
) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(server_without_jobs(s3_settings))
        client = stack.enter_context(server.client())
        apart, database = stack.enter_context(proxied(s3_settings, "database_url"))
        apart, storage = stack.enter_context(proxied(apart, "storage_endpoint"))
        lost = stack.enter_context(worker_at_work(apart, client))
        database.cut()
        storage.cut()
        with worker(s3_settings):
            body = final(client, lost.prediction_id, RESCUE_SECONDS)
        assert body["status"] == "completed"
        lost.hold.release()
        database.mend()
        storage.mend()
        after = uploaded(client, SPOKEN)
        assert final(client, after, RESCUE_SECONDS)["status"] == "completed"
        assert state(client, lost.prediction_id) == body


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


def test_an_upload_that_a_kill_broke_off_can_be_made_again(postgresql_settings: Settings) -> None:
    assert upload_twice(postgresql_settings, SPOKEN)["status"] == "completed"
    assert count(postgresql_settings, "SELECT count(*) FROM predictions") == 1


def test_a_killed_server_with_jobs_of_its_own_loses_none(postgresql_settings: Settings) -> None:
    port = free_port()
    with ExitStack() as stack:
        server = stack.enter_context(serve(postgresql_settings, port=port))
        client = stack.enter_context(server.client())
        stack.enter_context(held(server.process))
        running, waiting = uploaded(client, SPOKEN), uploaded(client, SPOKEN)
        wait_for(client, running, "processing")
        server.kill()
    with serve(postgresql_settings, server.key, port) as server, server.client() as client:
        assert final(client, waiting, RESCUE_SECONDS)["status"] == "completed"
        assert final(client, running, RESCUE_SECONDS)["status"] == "completed"


def test_servers_that_are_restarted_in_turn_lose_no_request(postgresql_settings: Settings) -> None:
    """As behind a balancer, which sends a server nothing new before it is told to end.

    Where it was late with that, the server refuses, and the balancer asks the other.
    """
    key = create_key(postgresql_settings, Plan.ENTERPRISE, concurrent_requests=100).key
    over = threading.Event()
    with ExitStack() as stack:
        serving = [stack.enter_context(serve(postgresql_settings, key)) for _ in range(2)]

        def ask() -> list[int]:
            statuses: list[int] = []
            while not over.is_set():
                with serving[-1].client() as client:
                    answer = client.post("/v1/predict", files=upload(SPOKEN))
                if answer.status_code != 503 or "Retry-After" not in answer.headers:
                    statuses.append(answer.status_code)
            return statuses

        with ThreadPoolExecutor(4) as pool:
            asked = [pool.submit(ask) for _ in range(4)]
            for _ in range(2):
                leaving = serving[-1]
                with held(leaving.process):
                    time.sleep(BALANCER_SECONDS)
                    serving.remove(leaving)
                    time.sleep(BALANCER_SECONDS)
                    leaving.process.terminate()
                    time.sleep(BALANCER_SECONDS)
                    assert leaving.process.poll() is None
                leaving.process.wait(60)
                serving.insert(0, stack.enter_context(serve(postgresql_settings, key)))
            over.set()
        statuses = [status for client in asked for status in client.result()]
    assert len(statuses) > 4
    assert set(statuses) == {200}


def test_a_database_that_is_away_for_a_while_costs_nothing(s3_settings: Settings) -> None:
    with ExitStack() as stack:
        settings, database = stack.enter_context(proxied(s3_settings, "database_url"))
        server = stack.enter_context(server_without_jobs(settings))
        client = stack.enter_context(server.client())
        running = stack.enter_context(worker_at_work(settings, client))
        waiting = [uploaded(client, SPOKEN) for _ in range(3)]
        database.cut()
        answer = client.post("/v1/file", json={"filename": "a.wav"})
        assert answer.status_code == 503
        assert "Retry-After" in answer.headers
        assert httpx.get(f"{server.url}/readyz").status_code == 503
        running.hold.release()
        time.sleep(20.0)
        database.mend()
        names = (running.prediction_id, *waiting)
        bodies = [final(client, name, RESCUE_SECONDS) for name in names]
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
        try:
            customer = Customer(server.url, key)
            bodies = survive(customer, kill, STORM_FILES, kills, SPOKEN)
        finally:
            for process in workers:
                end(process)
    print(f"{STORM_FILES} files, {kills} kills")
    assert [body["status"] for body in bodies] == ["completed"] * STORM_FILES
    assert len({str(body["segments"]) for body in bodies}) == 1
    assert count(s3_settings, "SELECT count(*) FROM predictions") == STORM_FILES
