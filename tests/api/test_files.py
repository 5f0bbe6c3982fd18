"""/v1/file: announce, upload, follow, list and delete a recording of any size."""

import time
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest

from tests.audio_factory import SPOKEN_RATE, encode, noise, silence, speech, spoken_file
from tests.http_factory import Server, serving, settings_for

SPOKEN = spoken_file(seconds=12.0)


def announce(client: httpx.Client, **fields: Any) -> dict[str, Any]:
    answer = client.post("/v1/file", json={"filename": "call.wav"} | fields)
    assert answer.status_code == 201, answer.text
    return answer.json()


def put(created: dict[str, Any], content: bytes, **headers: str) -> httpx.Response:
    upload = created["upload"]
    return httpx.put(upload["url"], content=content, headers=upload["headers"] | headers)


def state(client: httpx.Client, prediction_id: str) -> dict[str, Any]:
    answer = client.get(f"/v1/predictions/{prediction_id}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def final(client: httpx.Client, prediction_id: str, seconds: float = 30.0) -> dict[str, Any]:
    deadline = time.monotonic() + seconds
    while True:
        body = state(client, prediction_id)
        if body["status"] not in ("awaiting_upload", "queued", "processing"):
            return body
        assert time.monotonic() < deadline, body
        time.sleep(0.05)


def test_an_uploaded_recording_is_analysed_as_if_it_had_been_sent(client: httpx.Client) -> None:
    created = announce(client, size=len(SPOKEN), content_type="audio/wav", device="api")
    prediction_id = created["prediction_id"]
    assert created["status"] == "awaiting_upload"
    assert created["url"] == [
        {"key": f"analysis/{prediction_id}/call.wav", "value": created["upload"]["url"]}
    ]
    assert state(client, prediction_id)["progress"] == 0.0
    assert put(created, SPOKEN).status_code == 200
    body = final(client, prediction_id)
    sent = client.post("/v1/predict", files={"file": SPOKEN}).json()
    assert body["status"] == "completed"
    assert body["progress"] == 1.0
    assert body["global"] == sent["global"]
    assert body["segments"] == sent["segments"]
    assert body["device"] == "api"
