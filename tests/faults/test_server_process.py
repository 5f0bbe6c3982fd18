"""A server process that is told to end, killed, or given a hundred megabytes."""

import signal
import socket
import time
from pathlib import Path

import httpx
import numpy as np
import pytest

from tests.audio_factory import encode, speech, spoken_file
from tests.http_factory import part_head, settings_for, upload, upload_head
from tests.processes import serve

MEBIBYTE = 1_048_576


def test_an_upload_that_was_accepted_is_finished_after_sigterm(tmp_path: Path) -> None:
    content = spoken_file(seconds=30.0)
    body = part_head() + content + b"\r\n--b--\r\n"
    with serve(settings_for(tmp_path)) as server:
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
    settings = settings_for(tmp_path)
    with serve(settings) as server, server.client() as client:
        made = client.post("/v1/predict", files=upload(spoken_file())).json()
        server.kill()
    with serve(settings, server.key) as server, server.client() as client:
        kept = client.get(f"/v1/predictions/{made['prediction_id']}").json()
        assert kept["global"] == made["global"]


def test_a_hundred_megabytes_raise_memory_by_less_than_that(tmp_path: Path) -> None:
    stereo = speech(100 * MEBIBYTE / (48_000 * 4) - 1.0, 48_000, channels=2)
    content = encode(np.ascontiguousarray(stereo), 48_000)
    assert 99 * MEBIBYTE < len(content) <= 100 * MEBIBYTE
    with serve(settings_for(tmp_path)) as server, server.client() as client:
        client.post("/v1/predict", files=upload(spoken_file()))
        Path(f"/proc/{server.process.pid}/clear_refs").write_text("5")
        before = server.memory("VmRSS")
        answer = client.post("/v1/predict/large-file", files=upload(content))
        peak = server.memory("VmHWM")
    assert answer.status_code == 200
    print(f"memory: {before / MEBIBYTE:.0f} MB before, {peak / MEBIBYTE:.0f} MB at most")
    assert peak - before < 100 * MEBIBYTE
