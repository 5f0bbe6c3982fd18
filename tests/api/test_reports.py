"""Signed reports on predictions."""

import hashlib
import json
from pathlib import Path

import httpx
import numpy as np
import pytest

from tests.audio_factory import SPOKEN_RATE, encode, speech, spoken_file, tone
from tests.file_client import announce, final, put
from tests.http_factory import Server, serving, settings_for
from veravox.accounts import Scope
from veravox.reports.envelope import read
from veravox.reports.jwks import read_keys
from veravox.reports.verify import Outcome, check

SPOKEN = spoken_file(seconds=8.0)
KEYS = "/.well-known/veravox-report-keys.json"


def predicted(client: httpx.Client, content: bytes = SPOKEN, name: str = "call.wav") -> str:
    answer = client.post("/v1/predict", files={"file": (name, content)})
    assert answer.status_code == 200, answer.text
    return answer.json()["prediction_id"]


def report(client: httpx.Client, prediction_id: str, kind: str = "json") -> httpx.Response:
    return client.get(f"/v1/predictions/{prediction_id}/report.{kind}")


def test_a_report_says_what_was_received_from_whom_and_what_came_of_it(
    server: Server, client: httpx.Client
) -> None:
    prediction_id = predicted(client)
    stored = client.get(f"/v1/predictions/{prediction_id}").json()
    body = report(client, prediction_id).json()["report"]
    assert body["file"]["name"] == "call.wav"
    assert body["file"]["sha256"] == hashlib.sha256(SPOKEN).hexdigest()
    assert body["file"]["size"] == len(SPOKEN)
    assert body["container"]["container"] == "wav"
    assert body["container"]["stated_duration"] == 8.0
    assert body["verdict"]["result"] == stored["global"]["result"]
    assert body["verdict"]["spoof_probability"] == stored["global"]["score"]
    assert [s["result"] for s in body["segments"]] == [s["result"] for s in stored["segments"]]
    assert body["custody"]["call"] == "POST /v1/predict"
    assert body["custody"]["key_id"].startswith("key_")
    assert client.headers["X-Api-Key"] not in json.dumps(body)
    card = server.services.analyser.models.card()
    assert body["model"]["card_sha256"] == card.digest()


def test_a_report_is_signed_under_a_published_key(client: httpx.Client) -> None:
    content = report(client, predicted(client)).content
    published = httpx.get(f"{client.base_url}{KEYS}", timeout=30.0)
    assert published.status_code == 200
    checked = check(content, read_keys(published.content))
    assert checked.outcome is Outcome.GOOD


def test_the_same_prediction_gives_the_same_report(client: httpx.Client) -> None:
    prediction_id = predicted(client)
    assert report(client, prediction_id).content == report(client, prediction_id).content


def test_the_pdf_holds_the_same_report(client: httpx.Client) -> None:
    pytest.importorskip("typst")
    prediction_id = predicted(client)
    answer = report(client, prediction_id, "pdf")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/pdf"
    assert f"{prediction_id}.pdf" in answer.headers["Content-Disposition"]
    inner = read(report(client, prediction_id).content)
    checked = check(answer.content, [inner.key])
    assert checked.outcome is Outcome.GOOD
    assert checked.report == inner.report


def test_a_recording_of_any_size_is_reported_with_its_arrival(client: httpx.Client) -> None:
    created = announce(client, filename="a/b/late call.wav")
    put(created, SPOKEN)
    final(client, created["prediction_id"])
    body = report(client, created["prediction_id"]).json()["report"]
    assert body["file"]["sha256"] == hashlib.sha256(SPOKEN).hexdigest()
    assert body["file"]["name"] == "late call.wav"
    assert body["custody"]["call"] == "POST /v1/file"
    assert body["custody"]["received_at"] <= body["custody"]["analysis_started_at"]
    assert body["custody"]["audio_kept_until"] >= body["custody"]["analysis_started_at"]


@pytest.mark.parametrize("path", ["/v0/predict", "/detect/audio"])
def test_the_other_dialects_predictions_have_reports_too(client: httpx.Client, path: str) -> None:
    assert client.post(path, files={"file": ("x.wav", SPOKEN)}).status_code == 200
    newest = client.get("/v1/predictions", params={"limit": 1}).json()["predictions"][0]
    body = report(client, newest["prediction_id"]).json()["report"]
    assert body["custody"]["call"] == f"POST {path}"
    assert body["file"]["name"] == "x.wav"


def test_split_channels_are_reported_each(client: httpx.Client) -> None:
    sides = [speech(8.0)[0], (speech(8.0) + tone(8.0, 6_000.0, peak=0.05))[0]]
    stereo = encode(np.stack(sides), SPOKEN_RATE)
    answer = client.post("/v1/predict", files={"file": stereo}, data={"channels": "split"})
    body = report(client, answer.json()["prediction_id"]).json()["report"]
    assert [channel["channel"] for channel in body["channels"]] == [0, 1]


@pytest.mark.parametrize("kind", ["json", "pdf"])
def test_another_tenants_prediction_has_no_report(
    server: Server, client: httpx.Client, kind: str
) -> None:
    prediction_id = predicted(client)
    with server.client() as stranger:
        assert report(stranger, prediction_id, kind).status_code == 404


def test_a_report_needs_the_scope_to_read(server: Server) -> None:
    with server.client(server.key(scopes=[Scope.PREDICT])) as client:
        assert report(client, predicted(client)).status_code == 403


@pytest.mark.parametrize("kind", ["json", "pdf"])
def test_there_is_no_report_before_there_is_a_result(client: httpx.Client, kind: str) -> None:
    created = announce(client)
    answer = report(client, created["prediction_id"], kind)
    assert answer.status_code == 409
    assert "awaiting_upload" in answer.json()["message"]


def test_a_deleted_prediction_has_no_report(client: httpx.Client) -> None:
    prediction_id = predicted(client)
    client.delete(f"/v1/predictions/{prediction_id}")
    assert report(client, prediction_id).status_code == 404


def test_after_a_change_of_the_secret_old_reports_can_still_be_checked(
    tmp_path: Path,
) -> None:
    with serving(settings_for(tmp_path)) as server, server.client() as client:
        prediction_id = predicted(client)
        before = report(client, prediction_id).content
        key = client.headers["X-Api-Key"]
    changed = settings_for(tmp_path, report_secret="a new secret, of 32 characters or more")
    with serving(changed) as server, server.client(key) as client:
        after = report(client, prediction_id).content
        keys = read_keys(client.get(KEYS).content)
    assert keys[0] == read(after).key
    assert read(before).key != read(after).key
    assert check(before, keys).outcome is Outcome.GOOD
    assert read(before).report == read(after).report
