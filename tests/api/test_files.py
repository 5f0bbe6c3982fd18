"""/v1/file: announce, upload, follow, list and delete a recording of any size."""

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import numpy as np
import pytest

from tests.audio_factory import SPOKEN_RATE, encode, silence, speech, spoken_file, tone
from tests.file_client import announce, final, put, state
from tests.http_factory import Server, serving, settings_for
from veravox.storage import UploadTerms

SPOKEN = spoken_file(seconds=12.0)


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


def test_the_arrival_need_not_be_announced_with_a_size_or_a_type(client: httpx.Client) -> None:
    created = announce(client, filename="C:\\calls\\last week.wav")
    assert created["url"][0]["key"].endswith("/last week.wav")
    assert created["upload"]["headers"] == {}
    assert put(created, SPOKEN, **{"Content-Type": "anything/else"}).status_code == 200
    assert final(client, created["prediction_id"])["status"] == "completed"


@pytest.mark.parametrize(
    ("content", "error"),
    [(b"%PDF-1.7" + bytes(99), "unsupported_format"), (spoken_file(seconds=1.0), "validation")],
)
def test_a_recording_that_cannot_be_analysed_fails_with_a_reason(
    client: httpx.Client, content: bytes, error: str
) -> None:
    created = announce(client)
    put(created, content)
    body = final(client, created["prediction_id"])
    assert body["status"] == "failed"
    assert error in body["error"]["error"]
    assert body["error"]["message"]


def test_split_channels_have_a_verdict_each(client: httpx.Client) -> None:
    caller = speech(10.0) + tone(10.0, 6_000.0, peak=0.05)
    call = np.concatenate((speech(10.0), caller))
    created = announce(client, channels="split")
    put(created, encode(call, SPOKEN_RATE))
    body = final(client, created["prediction_id"])
    assert [channel["channel"] for channel in body["channels"]] == [0, 1]
    agent, other = (channel["global"] for channel in body["channels"])
    assert agent["result"] == "bonafide"
    assert other["result"] == "spoofed"
    assert body["global"] == other
    assert body["segments"] == body["channels"][1]["segments"]


def test_a_url_that_was_altered_is_refused(client: httpx.Client) -> None:
    created = announce(client, size=len(SPOKEN), content_type="audio/wav")
    url = httpx.URL(created["upload"]["url"])
    query = dict(url.params)
    altered = [
        query | {"expires": str(int(query["expires"]) + 60)},
        query | {"size": "7"},
        query | {"type": "audio/mpeg"},
        query | {"signature": query["signature"][:-1] + "_"},
        {name: value for name, value in query.items() if name != "size"},
        {name: value for name, value in query.items() if name != "signature"},
        query | {"part": "1"},
    ]
    for changed in altered:
        answer = httpx.put(url.copy_with(params=changed), content=SPOKEN)
        assert answer.status_code == 403, changed
    other = announce(client)["upload"]["url"]
    moved = url.copy_with(path=httpx.URL(other).path)
    assert httpx.put(moved, content=SPOKEN).status_code == 403
    assert httpx.get(url).status_code == 403
    assert state(client, created["prediction_id"])["status"] == "awaiting_upload"


def test_a_url_that_has_expired_is_refused(server: Server, client: httpx.Client) -> None:
    created = announce(client)
    key = httpx.URL(created["upload"]["url"]).path.rpartition("/")[2]
    past = datetime.now(UTC) - timedelta(seconds=1)
    storage = server.services.storage
    signed = asyncio.run(storage.sign_upload(UploadTerms(key, past)))
    late = httpx.put(f"{server.url}{signed.url}", content=SPOKEN)
    assert late.status_code == 403
    assert "expired" in late.text
    assert put(created, SPOKEN).status_code == 200
    signed_download = asyncio.run(storage.sign_download(key, past))
    assert httpx.get(f"{server.url}{signed_download}").status_code == 403


def test_an_upload_of_another_length_or_type_is_refused(client: httpx.Client) -> None:
    created = announce(client, size=len(SPOKEN), content_type="audio/wav")
    assert put(created, SPOKEN[:-1]).status_code == 403
    assert put(created, SPOKEN + b"x").status_code == 403
    assert put(created, SPOKEN, **{"Content-Type": "audio/mpeg"}).status_code == 403
    parts = iter((SPOKEN[:1000], SPOKEN[1000:]))
    upload = created["upload"]
    chunked = httpx.put(upload["url"], content=parts, headers=upload["headers"])
    assert chunked.status_code == 400
    assert put(created, SPOKEN).status_code == 200


def test_the_first_complete_upload_counts(client: httpx.Client) -> None:
    created = announce(client, size=len(SPOKEN))
    assert put(created, SPOKEN).status_code == 200
    assert put(created, bytes(len(SPOKEN))).status_code == 409
    assert final(client, created["prediction_id"])["status"] == "completed"


def test_starting_twice_changes_nothing(client: httpx.Client) -> None:
    created = announce(client)
    path = f"/v1/predictions/{created['prediction_id']}/start"
    early = client.post(path)
    assert early.status_code == 409
    assert "not been uploaded" in early.json()["message"]
    put(created, SPOKEN)
    assert [client.post(path).status_code for _ in range(5)] == [200] * 5
    assert final(client, created["prediction_id"])["status"] == "completed"


def test_the_same_announcement_twice_is_one_prediction(client: httpx.Client) -> None:
    fields = {"prediction_id": "mine", "size": len(SPOKEN)}
    first, second = announce(client, **fields), announce(client, **fields)
    assert second["prediction_id"] == "mine"
    put(second, SPOKEN)
    assert final(client, "mine")["status"] == "completed"
    third = announce(client, **fields)
    assert third["status"] == "completed"
    assert third["upload"] is None
    assert put(first, SPOKEN).status_code == 409
    for other in ({"size": 7}, {"threshold": 0.9}, {"filename": "b.wav"}):
        body = {"filename": "call.wav"} | fields | other
        assert client.post("/v1/file", json=body).status_code == 409
    sent = client.post("/v1/predict", files={"file": SPOKEN}, data={"prediction_id": "mine"})
    assert sent.status_code == 409


def test_the_id_of_a_sent_recording_cannot_be_announced(client: httpx.Client) -> None:
    client.post("/v1/predict", files={"file": SPOKEN}, data={"prediction_id": "sent"})
    body = {"filename": "call.wav", "prediction_id": "sent"}
    assert client.post("/v1/file", json=body).status_code == 409


@pytest.mark.parametrize(
    "fields",
    [
        {"filename": ""},
        {"filename": None},
        {"size": 0},
        {"size": -1},
        {"size": 1.5},
        {"content_type": "audio"},
        {"content_type": "a/b\r\nX: y"},
        {"entity": "other"},
        {"channels": "left"},
        {"threshold": 2},
        {"model": "gpt"},
        {"webhook_url": "ftp://example.com"},
    ],
)
def test_a_wrong_field_is_refused_by_name(client: httpx.Client, fields: dict[str, Any]) -> None:
    answer = client.post("/v1/file", json={"filename": "call.wav"} | fields)
    assert answer.status_code == 400
    assert answer.json()["error"] == "validation_error"
    assert next(iter(fields)) in answer.json()["message"]


def test_a_recording_above_the_limit_is_refused_when_it_is_announced(client: httpx.Client) -> None:
    answer = client.post("/v1/file", json={"filename": "a", "size": 50 * 1024**3 + 1})
    assert answer.status_code == 413


def test_a_deleted_prediction_is_gone_with_its_recording(server: Server) -> None:
    with server.client() as client:
        created = announce(client)
        prediction_id = created["prediction_id"]
        assert client.delete(f"/v1/predictions/{prediction_id}").status_code == 204
        assert client.get(f"/v1/predictions/{prediction_id}").status_code == 404
        assert put(created, SPOKEN).status_code == 409
        again = announce(client, prediction_id=prediction_id)
        put(again, SPOKEN)
        assert final(client, prediction_id)["status"] == "completed"


def test_a_canceled_prediction_stays_canceled(client: httpx.Client) -> None:
    created = announce(client)
    path = f"/v1/predictions/{created['prediction_id']}/cancel"
    assert client.post(path).json()["status"] == "canceled"
    assert client.post(path).json()["status"] == "canceled"
    assert put(created, SPOKEN).status_code == 409
    start = client.post(f"/v1/predictions/{created['prediction_id']}/start")
    assert start.status_code == 409
    assert state(client, created["prediction_id"])["status"] == "canceled"


def test_canceling_what_is_finished_changes_nothing(client: httpx.Client) -> None:
    created = announce(client)
    put(created, SPOKEN)
    final(client, created["prediction_id"])
    answer = client.post(f"/v1/predictions/{created['prediction_id']}/cancel")
    assert answer.json()["status"] == "completed"


def test_tenants_do_not_see_each_others_recordings(server: Server, client: httpx.Client) -> None:
    created = announce(client)
    prediction_id = created["prediction_id"]
    with server.client() as stranger:
        assert stranger.get(f"/v1/predictions/{prediction_id}").status_code == 404
        assert stranger.post(f"/v1/predictions/{prediction_id}/start").status_code == 404
        assert stranger.post(f"/v1/predictions/{prediction_id}/cancel").status_code == 404
        assert stranger.delete(f"/v1/predictions/{prediction_id}").status_code == 404
        key = created["url"][0]["key"]
        assert stranger.delete("/v1/file", params={"key": key}).status_code == 404
        assert stranger.get("/v1/file").json()["url"] == []


def test_predictions_are_listed_whatever_their_state(client: httpx.Client) -> None:
    waiting = announce(client)["prediction_id"]
    listed = client.get("/v1/predictions", params={"status": "awaiting_upload"}).json()
    assert [item["prediction_id"] for item in listed["predictions"]] == [waiting]


@pytest.fixture(scope="module")
def keeping(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that keeps recordings after their analysis."""
    folder = tmp_path_factory.mktemp("keeping")
    with serving(settings_for(folder, audio_retention_seconds=3600)) as server:
        yield server


def test_recordings_are_listed_and_downloaded_while_they_are_kept(keeping: Server) -> None:
    with keeping.client() as client:
        announced = [announce(client, filename=f"{n}.wav") for n in range(3)]
        for created in announced:
            put(created, SPOKEN)
            final(client, created["prediction_id"])
        keys = [created["url"][0]["key"] for created in announced]
        listed = client.get("/v1/file", params={"entity": "analysis"}).json()
        assert [item["key"] for item in listed["url"]] == keys[::-1]
        assert listed["next_cursor"] is None
        assert httpx.get(listed["url"][0]["value"]).content == SPOKEN
        prefix = client.get("/v1/file", params={"key_prefix": keys[1][:-4]}).json()
        assert [item["key"] for item in prefix["url"]] == [keys[1]]
        page = client.get("/v1/file", params={"limit": 2}).json()
        rest = client.get("/v1/file", params={"cursor": page["next_cursor"]}).json()
        assert [item["key"] for item in page["url"] + rest["url"]] == keys[::-1]
        assert client.delete("/v1/file", params={"key": keys[0]}).status_code == 204
        assert len(client.get("/v1/file").json()["url"]) == 2
        assert client.delete("/v1/file", params={"key": keys[0]}).status_code == 404


def test_a_recording_is_deleted_after_its_analysis_by_default(server: Server) -> None:
    with server.client() as client:
        created = announce(client)
        put(created, SPOKEN)
        final(client, created["prediction_id"])
        assert client.get("/v1/file").json()["url"] == []
    key = httpx.URL(created["upload"]["url"]).path.rpartition("/")[2]
    deadline = time.monotonic() + 10
    while list(server.settings.data_dir.rglob(f"*{key}*")):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_silence_is_no_failure(client: httpx.Client) -> None:
    created = announce(client)
    put(created, encode(silence(6.0), SPOKEN_RATE))
    body = final(client, created["prediction_id"])
    assert body["status"] == "completed"
    assert body["global"]["reason"] == "No speech detected"


def test_the_older_path_lists_recordings_in_the_older_shape(keeping: Server) -> None:
    with keeping.client() as client:
        created = announce(client)
        put(created, SPOKEN)
        final(client, created["prediction_id"])
        answer = client.get("/api-ext/file", params={"entity": "analysis", "key_prefix": ""})
        assert list(answer.json()) == ["url"]
        assert [list(item) for item in answer.json()["url"]] == [["key", "value"]]
        assert "Deprecation" in answer.headers
        assert httpx.get(answer.json()["url"][0]["value"]).content == SPOKEN
