"""What a client of /v1/file does, step by step."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

UNFINISHED = ("awaiting_upload", "queued", "processing")


def announce(client: httpx.Client, **fields: Any) -> dict[str, Any]:
    """The answer to an announcement of `call.wav`."""
    answer = client.post("/v1/file", json={"filename": "call.wav"} | fields)
    assert answer.status_code == 201, answer.text
    return answer.json()


def put(created: dict[str, Any], content: bytes, **headers: str) -> httpx.Response:
    """Upload `content` as the announcement's answer says, with more `headers`."""
    upload = created["upload"]
    return httpx.put(
        upload["url"], content=content, headers=upload["headers"] | headers, timeout=60.0
    )


def break_off(created: dict[str, Any], content: bytes, at_half: Callable[[], None]) -> None:
    """Upload `content`, with `at_half` called when half of it is sent; the upload must fail."""

    def halves() -> Iterator[bytes]:
        yield content[: len(content) // 2]
        at_half()
        yield content[len(content) // 2 :]

    upload = created["upload"]
    headers = upload["headers"] | {"Content-Length": str(len(content))}
    with pytest.raises(httpx.TransportError):
        httpx.put(upload["url"], content=halves(), headers=headers)


def state(client: httpx.Client, prediction_id: str) -> dict[str, Any]:
    """Where the prediction stands."""
    answer = client.get(f"/v1/predictions/{prediction_id}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def final(client: httpx.Client, prediction_id: str, seconds: float = 120.0) -> dict[str, Any]:
    """Where the prediction stands once it is finished, waited for."""
    deadline = time.monotonic() + seconds
    while True:
        body = state(client, prediction_id)
        if body["status"] not in UNFINISHED:
            return body
        assert time.monotonic() < deadline, body
        time.sleep(0.05)
