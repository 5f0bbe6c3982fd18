"""Answers that come before the body has been read, seen from a bare socket."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import gettempdir

import pytest

from tests.audio_factory import spoken_file
from tests.http_factory import Server, part_head, upload, upload_head
from veravox.accounts import Plan

LARGE = 100 * 1_048_576
AT_ONCE = 2.0


def answer_of(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the next answer, read no further than its end."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += _some(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    status_line, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)}
    while len(body) < int(headers["content-length"]):
        body += _some(connection)
    return int(status_line.split()[1]), headers, body


def _some(connection: socket.socket) -> bytes:
    received = connection.recv(65_536)
    assert received, "the connection ended before the answer"
    return received


def begin_upload(
    server: Server, key: str, path: str = "/v1/predict/large-file", length: int = LARGE
) -> socket.socket:
    """A connection on which the first kilobytes of an upload were sent."""
    connection = server.connect()
    connection.sendall(upload_head(key, path, length) + part_head("call.wav") + bytes(4096))
    return connection


@contextmanager
def stalled_uploads(server: Server, key: str, count: int) -> Iterator[None]:
    """That many admitted requests of a key which do not come to an end."""
    with ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(begin_upload(server, key))
        time.sleep(0.3)
        yield


@pytest.mark.parametrize(
    ("path", "status"),
    [("/v1/predict/large-file", 401), ("/v0/predict", 403), ("/detect/audio", 403)],
)
def test_a_wrong_key_is_answered_before_the_body_is_read(
    server: Server, path: str, status: int
) -> None:
    started = time.monotonic()
    with begin_upload(server, "vvx_aaaaaaaa_" + "x" * 43, path) as connection:
        answered, headers, _ = answer_of(connection)
        assert time.monotonic() - started < AT_ONCE
        assert answered == status
        assert headers["connection"] == "close"
        assert connection.recv(1) == b"", "the server closes the connection"


def test_a_client_that_sends_on_still_receives_the_refusal(server: Server) -> None:
    with begin_upload(server, "wrong") as connection:
        for _ in range(50):
            connection.sendall(bytes(65_536))
        assert answer_of(connection)[0] == 401


def test_a_client_that_waits_to_be_asked_is_refused_without_being_asked(server: Server) -> None:
    with server.connect() as connection:
        head = upload_head("wrong", "/v1/predict", LARGE, "Expect: 100-continue")
        connection.sendall(head)
        assert answer_of(connection)[0] == 401
        assert connection.recv(1) == b""


def test_a_declared_length_above_the_limit_is_refused_at_once(server: Server) -> None:
    started = time.monotonic()
    with begin_upload(server, server.key(), "/v1/predict") as connection:
        status, headers, body = answer_of(connection)
    assert time.monotonic() - started < AT_ONCE
    assert status == 413
    assert headers["connection"] == "close"
    assert json.loads(body)["error"] == "payload_too_large"


def test_a_declared_length_is_refused_with_the_name_of_the_file(server: Server) -> None:
    with begin_upload(server, server.key(), "/detect/audio", 501 * 1_048_576) as connection:
        status, _, body = answer_of(connection)
    error = json.loads(body)["error"]
    assert status == 413
    assert error["filename"] == "call.wav"
    assert error["file_size_mb"] == 501.0
    assert error["max_allowed_mb"] == 500


def test_an_undeclared_length_is_refused_while_it_streams(server: Server) -> None:
    head = upload_head(server.key(), "/v1/predict", 0).replace(
        b"Content-Length: 0", b"Transfer-Encoding: chunked"
    )
    with server.connect() as connection:
        connection.sendall(head + _chunk(part_head()))
        for _ in range(6 * 16):
            connection.sendall(_chunk(bytes(65_536)))
        status, headers, _ = answer_of(connection)
    assert status == 413
    assert headers["connection"] == "close"


def _chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def test_a_third_concurrent_request_is_too_many_on_free(server: Server) -> None:
    key = server.key(Plan.FREE)
    with stalled_uploads(server, key, 2), server.client(key) as client:
        answer = client.get("/v1/predictions")
        assert answer.status_code == 429
        assert answer.headers["Retry-After"] == "1"
        assert answer.headers["X-RateLimit-Limit"] == "10"
        assert answer.headers["X-RateLimit-Remaining"] == "8"
    with server.client(key) as client:
        _wait_for(lambda: client.get("/v1/predictions").status_code == 200)


def test_an_upload_that_breaks_off_leaves_nothing_behind(server: Server) -> None:
    key = server.key()
    before = _unnamed_files()
    with begin_upload(server, key) as connection:
        connection.sendall(bytes(2 * 1_048_576))
        _wait_for(lambda: _unnamed_files() > before)
    _wait_for(lambda: _unnamed_files() == before)
    with server.client(key) as client:
        assert client.get("/v1/predictions").json()["predictions"] == []


def _unnamed_files() -> int:
    """How many files without a name the server, in this process, holds open."""
    links = []
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            links.append(str(entry.readlink()))
    return sum(link.startswith(gettempdir()) and "(deleted)" in link for link in links)


def _wait_for(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_small_upload_keeps_the_connection(server: Server) -> None:
    with server.client() as client:
        answers = [client.post("/v1/predict", files=upload(spoken_file())) for _ in range(2)]
    assert all("connection" not in answer.headers for answer in answers)
