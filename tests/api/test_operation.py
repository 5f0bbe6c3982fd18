"""What operators, browsers and monitors see."""

import json
import re
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.audio_factory import spoken_file
from tests.http_factory import Server, serving, settings_for, upload

ORIGIN = "https://app.example"


@pytest.fixture
def anonymous(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url) as client:
        yield client


def test_health_and_readiness_need_no_key(anonymous: httpx.Client) -> None:
    assert anonymous.get("/healthz").json() == {"status": "ok"}
    ready = anonymous.get("/readyz")
    assert ready.status_code == 200
    assert ready.json() == {
        "status": "ready",
        "database": "ok",
        "model": "noisiness-1",
        "draining": False,
    }


def test_a_server_without_its_database_is_alive_but_not_ready(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    with serving(settings) as server, server.client() as client:
        for file in tmp_path.glob("veravox.db*"):
            file.unlink()
        (tmp_path / "veravox.db").mkdir()
        assert client.get("/healthz").status_code == 200
        assert client.get("/readyz").status_code == 503
        answer = client.post("/v1/predict", files=upload(spoken_file()))
    assert answer.status_code == 503
    assert answer.json()["error"] == "service_unavailable"
    assert int(answer.headers["Retry-After"]) >= 1


def test_a_server_that_was_told_to_end_takes_no_new_work(tmp_path: Path) -> None:
    with serving(settings_for(tmp_path)) as server, server.client() as client:
        server.services.draining.begin()
        ready = client.get("/readyz")
        refused = client.post("/v1/predict", files=upload(spoken_file()))
        looked_up = client.get("/v1/predictions")
    assert ready.status_code == 503
    assert ready.json()["draining"] is True
    assert refused.status_code == 503
    assert refused.json()["message"] == "The server is shutting down"
    assert looked_up.status_code == 200


@pytest.mark.parametrize("broken", ["{}", "not even JSON"])
def test_a_bug_is_answered_without_its_details(
    server: Server, client: httpx.Client, broken: str
) -> None:
    made = client.post("/v1/predict", files=upload(spoken_file())).json()["prediction_id"]
    with closing(sqlite3.connect(server.settings.data_dir / "veravox.db")) as database, database:
        database.execute("UPDATE predictions SET analysis = ? WHERE id = ?", (broken, made))
    answer = client.get(f"/v1/predictions/{made}")
    assert answer.status_code == 500
    assert answer.json() == {
        "error": "internal_error",
        "message": "Internal server error",
        "correlation_id": answer.headers["X-Request-Id"],
        "status": 500,
    }
    assert client.get("/healthz").status_code == 200


def test_a_json_body_of_megabytes_is_too_large(client: httpx.Client) -> None:
    answer = client.post("/v0/predict", json={"user_id": "x" * 2_000_000})
    assert answer.status_code == 400
    assert answer.json()["message"] == "Request body exceeds maximum allowed size of 1MB"


def test_metrics_count_requests_by_dialect(anonymous: httpx.Client, client: httpx.Client) -> None:
    client.post("/detect/audio")
    text = anonymous.get("/metrics").text
    assert re.search(r'veravox_requests_total\{dialect="neural_defend",status="400"\} \d', text)
    assert "veravox_analysis_seconds_bucket" in text
    assert "veravox_queue_depth" in text


def test_the_root_is_the_dashboard_which_asks_who_is_there(anonymous: httpx.Client) -> None:
    assert anonymous.get("/", follow_redirects=True).url.path == "/sign-in"


def test_the_reference_loads_nothing_from_elsewhere(anonymous: httpx.Client) -> None:
    page = anonymous.get("/docs")
    assert "script-src 'self';" in page.headers["Content-Security-Policy"]
    assert "://" not in page.text
    assert "<script>" not in page.text
    assets = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(assets) == 4
    for asset in assets:
        answer = anonymous.get(f"/{asset}")
        assert answer.status_code == 200
        assert len(answer.content) > 100
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["/healthz", "/v1/predictions", "/detect/audio", "/nothing"])
def test_every_answer_carries_an_id_and_security_headers(
    anonymous: httpx.Client, path: str
) -> None:
    headers = anonymous.get(path).headers
    assert re.fullmatch(r"[0-9a-f-]{36}", headers["X-Request-Id"])
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in headers["Content-Security-Policy"]


def test_a_sane_request_id_is_kept_and_repeated_in_errors(anonymous: httpx.Client) -> None:
    answer = anonymous.get("/v1/predictions", headers={"X-Request-Id": "trace-42.a_b"})
    assert answer.headers["X-Request-Id"] == "trace-42.a_b"
    assert answer.json()["correlation_id"] == "trace-42.a_b"


@pytest.mark.parametrize("insane", ["a b", "<script>", "x" * 129, "", "ä"])
def test_any_other_request_id_is_replaced(anonymous: httpx.Client, insane: str) -> None:
    answer = anonymous.get("/healthz", headers={"X-Request-Id": insane.encode()})
    assert re.fullmatch(r"[0-9a-f-]{36}", answer.headers["X-Request-Id"])


@pytest.mark.parametrize("path", ["/nothing", "/v1/nothing", "/v1/predict/"])
def test_an_unknown_path_is_not_found(client: httpx.Client, path: str) -> None:
    answer = client.post(path)
    assert answer.status_code == 404
    assert answer.json()["error"] == "not_found"


def test_another_method_is_not_allowed(client: httpx.Client) -> None:
    answer = client.put("/v1/predict")
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST"
    assert answer.json()["status"] == 405


def test_browsers_of_other_origins_are_kept_out_by_default(anonymous: httpx.Client) -> None:
    answer = anonymous.get("/healthz", headers={"Origin": ORIGIN})
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_browsers_of_configured_origins_may_call(tmp_path: Path) -> None:
    preflight = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-api-key",
    }
    with serving(settings_for(tmp_path, cors_origins=(ORIGIN,))) as server:
        asked = httpx.options(f"{server.url}/v1/predict", headers=preflight)
        refused = httpx.post(f"{server.url}/v1/predict", headers={"Origin": ORIGIN})
        stranger = httpx.post(
            f"{server.url}/v1/predict", headers={"Origin": "https://evil.example"}
        )
    assert asked.status_code == 200
    assert "X-Api-Key" in asked.headers["Access-Control-Allow-Headers"]
    assert asked.headers["X-Request-Id"]
    assert refused.status_code == 401
    assert refused.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "X-RateLimit-Remaining" in refused.headers["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Origin" not in stranger.headers


def test_url_ingestion_fetches_only_from_allowed_hosts(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, url_ingestion=True, url_ingestion_hosts=("media.example",))
    with serving(settings) as server, server.client() as client:
        for path in ("/v1/predict", "/v0/predict"):
            url = "https://other.example/a.wav"
            answer = client.post(path, json={"presigned_url": url})
            assert answer.status_code == 400
            assert "not allowed" in answer.json()["message"]


def test_saturation_is_answered_at_once(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, decoder_processes=1, queue_limit=0)
    long = spoken_file("flac", seconds=120.0)
    with serving(settings) as server, server.client() as client, ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: client.post("/v1/predict", files=upload(long)), range(4)))
        assert client.post("/v1/predict", files=upload(spoken_file())).status_code == 200
    statuses = [answer.status_code for answer in answers]
    assert set(statuses) == {200, 503}
    refused = answers[statuses.index(503)]
    assert int(refused.headers["Retry-After"]) >= 1
    assert refused.json()["error"] == "service_unavailable"


def test_the_openapi_document_describes_uploads_keys_and_errors(anonymous: httpx.Client) -> None:
    document = anonymous.get("/openapi.json").json()
    assert set(document["components"]["securitySchemes"]) == {"ApiKey", "Bearer"}
    predict = document["paths"]["/v1/predict"]["post"]
    content = predict["requestBody"]["content"]
    assert content["multipart/form-data"]["schema"]["properties"]["file"]["format"] == "binary"
    assert content["application/json"]["schema"]["required"] == ["presigned_url"]
    assert {"200", "400", "401", "403", "409", "413", "422", "429", "503"} <= set(
        predict["responses"]
    )
    assert document["paths"]["/v0/predict"]["post"]["deprecated"]
    assert "HTTPValidationError" not in json.dumps(document)
