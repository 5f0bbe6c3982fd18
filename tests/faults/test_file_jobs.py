"""What becomes of an accepted recording when the embedded server dies, at whatever moment."""

import os
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.audio_factory import encode, speech, spoken_file
from tests.broken_upload import upload_twice
from tests.file_client import announce, final, put, state
from tests.http_factory import create_key, settings_for
from tests.processes import (
    ServerProcess,
    end,
    free_port,
    held,
    log_of,
    serve,
    start,
    wait_until_ready,
)
from tests.receiver import wait_until
from tests.storm import Customer, survive
from veravox.accounts import Plan
from veravox.settings import Settings

SPOKEN = spoken_file(seconds=4.0)
LONG = encode(speech(1_800.0, 8_000), 8_000)
STORM_FILES = int(os.environ.get("VERAVOX_TEST_STORM_FILES", "12"))
"""`.ci/run` sends 200."""


def objects(settings: Settings) -> list[Path]:
    """All files of the storage, complete or not."""
    folder = settings.data_dir / "objects"
    return [path for path in folder.rglob("*") if path.is_file()]


def wait_for(client: httpx.Client, prediction_id: str, status: str, seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while (body := state(client, prediction_id))["status"] != status:
        assert time.monotonic() < deadline, body
        time.sleep(0.02)


def test_an_upload_that_a_kill_broke_off_can_be_made_again(tmp_path: Path) -> None:
    assert upload_twice(settings_for(tmp_path), SPOKEN)["status"] == "completed"


def test_a_recording_that_arrived_unnoticed_is_analysed(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    with serve(settings) as server, server.client() as client:
        created = announce(client)
    key = httpx.URL(created["upload"]["url"]).path.rpartition("/")[2]
    place = tmp_path / "objects" / key[-2:] / key
    place.parent.mkdir(parents=True)
    place.write_bytes(SPOKEN)
    with serve(settings, server.key) as server, server.client() as client:
        assert final(client, created["prediction_id"])["status"] == "completed"


def test_a_job_that_a_kill_broke_off_is_done_after_the_restart(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    with serve(settings) as server, server.client() as client, held(server.process):
        prediction_id = announced(client, SPOKEN)
        others = [announced(client, SPOKEN) for _ in range(3)]
        wait_for(client, prediction_id, "processing")
        server.kill()
    with serve(settings, server.key) as server, server.client() as client:
        bodies = [final(client, name) for name in (prediction_id, *others)]
    assert [body["status"] for body in bodies] == ["completed"] * 4


def announced(client: httpx.Client, content: bytes) -> str:
    created = announce(client)
    assert put(created, content).status_code == 200
    return created["prediction_id"]


def test_a_polite_end_gives_a_running_job_back_at_once(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    with serve(settings, log_level="info") as server, server.client() as client:
        with held(server.process):
            prediction_id = announced(client, SPOKEN)
            wait_for(client, prediction_id, "processing")
            server.process.terminate()
            wait_until(lambda: "running analyses are given back" in log_of(settings))
        server.process.wait(30)
    assert recorded(settings, "status, attempts, claim") == [("queued", 0, None)]
    with serve(settings, server.key) as server, server.client() as client:
        assert final(client, prediction_id)["status"] == "completed"


def recorded(settings: Settings, columns: str) -> list[tuple[object, ...]]:
    """What the database holds of all predictions, the oldest first."""
    query = f"SELECT {columns} FROM predictions ORDER BY created_at"
    with closing(sqlite3.connect(settings.data_dir / "veravox.db")) as database:
        return database.execute(query).fetchall()


def test_progress_grows_and_a_cancelled_job_stops(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    with serve(settings) as server, server.client() as client:
        assert final(client, announced(client, SPOKEN))["status"] == "completed"
        with held(server.process) as hold:
            prediction_id = announced(client, LONG)
            shares: list[float] = []
            while len(shares) < 3:
                time.sleep(0.05)
                hold.step()
                body = state(client, prediction_id)
                assert body["status"] in ("queued", "processing")
                if body["progress"] not in (0.0, *shares):
                    shares.append(body["progress"])
                    assert body["partial"]["seconds"] > 0
            assert shares == sorted(shares)
            assert shares[-1] < 1.0
            canceled = client.post(f"/v1/predictions/{prediction_id}/cancel").json()
            assert canceled["status"] == "canceled"
        after = announced(client, SPOKEN)
        assert final(client, after)["status"] == "completed"
        assert state(client, prediction_id)["status"] == "canceled"
        assert objects(settings) == []


def test_a_recording_that_kills_every_server_is_given_up(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    key = create_key(settings, Plan.ENTERPRISE).key
    limits = {"job_attempts": "2", "job_concurrency": "2"}
    with serve(settings, key, **limits) as server, server.client() as client, held(server.process):
        poisoned = announced(client, SPOKEN)
        wait_until(lambda: recorded(settings, "attempts") == [(1,)])
        server.kill()
    with serve(settings, key, **limits) as server, server.client() as client, held(server.process):
        innocent = announced(client, SPOKEN)
        wait_until(lambda: recorded(settings, "attempts") == [(2,), (1,)])
        server.kill()
    with serve(settings, key, **limits) as server, server.client() as client:
        assert final(client, innocent)["status"] == "completed"
        body = final(client, poisoned)
        assert body["status"] == "failed"
        assert "begun 2 times" in body["error"]["message"]
        assert jobs(settings, "retry", poisoned).returncode == 0
        assert final(client, poisoned)["status"] == "completed"
        assert jobs(settings, "retry", poisoned).returncode == 2


def jobs(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """`veravox jobs`, run to its end."""
    process = start("jobs", *arguments, settings=settings)
    try:
        return subprocess.CompletedProcess(arguments, process.wait(60))
    finally:
        end(process)


@pytest.mark.timeout(1_800)
def test_every_file_of_a_storm_of_kills_has_one_final_result(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    key = create_key(settings, Plan.ENTERPRISE, requests_per_minute=1_000_000).key
    port = free_port()
    keeper = Keeper(settings, key, port)
    kills = 2 + STORM_FILES // 10
    with keeper.keeping():
        customer = Customer(f"http://127.0.0.1:{port}", key)
        bodies = survive(customer, keeper.kill, STORM_FILES, kills, SPOKEN)
    print(f"{STORM_FILES} files, {kills} kills")
    assert keeper.kills == kills
    assert [body["status"] for body in bodies] == ["completed"] * STORM_FILES
    assert len({str(body["segments"]) for body in bodies}) == 1
    assert len({body["prediction_id"] for body in bodies}) == STORM_FILES


class Keeper:
    """Keeps a server running that somebody kills again and again."""

    def __init__(self, settings: Settings, key: str, port: int) -> None:
        self._settings = settings
        self._key = key
        self._port = port
        self._server: ServerProcess | None = None
        self._lock = threading.Lock()
        self.kills = 0

    @contextmanager
    def keeping(self) -> Iterator[None]:
        self._start()
        try:
            yield
        finally:
            self._end()

    def kill(self) -> None:
        """End the server as the kernel would and start another; it answers at the end."""
        self.kills += 1
        self._end()
        self._start()
        assert self._server is not None
        wait_until_ready(self._server)

    def _start(self) -> None:
        process = start("serve", "--port", str(self._port), settings=self._settings)
        with self._lock:
            self._server = ServerProcess(process, self._port, self._key)

    def _end(self) -> None:
        with self._lock:
            if self._server is not None:
                end(self._server.process)
