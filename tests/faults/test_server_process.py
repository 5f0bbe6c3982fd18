"""A server process that is told to end, killed, or given a hundred megabytes."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pytest

from tests.audio_factory import encode, speech, spoken_file
from tests.http_factory import create_key, part_head, settings_for, upload, upload_head
from veravox.accounts import Plan

START_SECONDS = 60.0
MEBIBYTE = 1_048_576


@dataclass(frozen=True)
class ServerProcess:
    """`veravox serve` in a process of its own."""

    process: subprocess.Popen[bytes]
    port: int
    key: str

    def client(self) -> httpx.Client:
        return httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}",
            headers={"X-Api-Key": self.key},
            timeout=120.0,
        )

    def memory(self, field: str) -> int:
        """`VmRSS` or `VmHWM` (the highest so far) of the process, bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(rf"{field}:\s+(\d+) kB", status)
        assert found
        return int(found.group(1)) * 1024


@contextmanager
def serve(folder: Path) -> Iterator[ServerProcess]:
    settings = settings_for(folder)
    port = _free_port()
    environment = os.environ | {
        "VERAVOX_MODELS_DIR": str(settings.models_dir),
        "VERAVOX_SCORING_THREADS": "1",
        "VERAVOX_LOG_LEVEL": "warning",
    }
    command = [sys.executable, "-m", "veravox", "serve", "--port", str(port)]
    process = subprocess.Popen(
        [*command, "--data-dir", str(folder)], env=environment, stderr=subprocess.DEVNULL
    )
    server = ServerProcess(process, port, create_key(settings, Plan.ENTERPRISE).key)
    try:
        _wait_until_ready(server)
        yield server
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_until_ready(server: ServerProcess) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        assert server.process.poll() is None, "the server did not start"
        assert time.monotonic() < deadline
        with suppress(httpx.TransportError):
            if httpx.get(f"http://127.0.0.1:{server.port}/readyz").is_success:
                return
        time.sleep(0.1)


def test_an_upload_that_was_accepted_is_finished_after_sigterm(tmp_path: Path) -> None:
    content = spoken_file(seconds=30.0)
    body = part_head() + content + b"\r\n--b--\r\n"
    with serve(tmp_path) as server:
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
            head = upload_head(server.key, "/v1/predict", len(body))
            connection.sendall(head + body[:1000])
            time.sleep(0.5)
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            connection.sendall(body[1000:])
            answer = b""
            while received := connection.recv(65_536):
                answer += received
        assert answer.startswith(b"HTTP/1.1 200")
        assert b'"audio_duration":30.0' in answer
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"http://127.0.0.1:{server.port}/healthz")
        assert server.process.wait(10) in (0, -signal.SIGTERM)


def test_predictions_outlive_a_killed_server(tmp_path: Path) -> None:
    with serve(tmp_path) as server, server.client() as client:
        made = client.post("/v1/predict", files=upload(spoken_file())).json()
        server.process.kill()
        server.process.wait()
        key = server.key
    with serve(tmp_path) as server, server.client() as client:
        client.headers["X-Api-Key"] = key
        kept = client.get(f"/v1/predictions/{made['prediction_id']}").json()
        assert kept["global"] == made["global"]


def test_a_hundred_megabytes_raise_memory_by_less_than_that(tmp_path: Path) -> None:
    stereo = speech(100 * MEBIBYTE / (48_000 * 4) - 1.0, 48_000, channels=2)
    content = encode(np.ascontiguousarray(stereo), 48_000)
    assert 99 * MEBIBYTE < len(content) <= 100 * MEBIBYTE
    with serve(tmp_path) as server, server.client() as client:
        client.post("/v1/predict", files=upload(spoken_file()))
        Path(f"/proc/{server.process.pid}/clear_refs").write_text("5")
        before = server.memory("VmRSS")
        answer = client.post("/v1/predict/large-file", files=upload(content))
        peak = server.memory("VmHWM")
    assert answer.status_code == 200
    print(f"memory: {before / MEBIBYTE:.0f} MB before, {peak / MEBIBYTE:.0f} MB at most")
    assert peak - before < 100 * MEBIBYTE
