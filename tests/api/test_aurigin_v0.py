"""POST /v0/predict and its older path."""

import httpx
import numpy as np
import pytest

from tests.audio_factory import SPOKEN_RATE, encode, silence, speech, spoken_file
from tests.http_factory import Server, upload
from veravox.accounts import Plan

PATHS = ("/v0/predict", "/api-ext/predict")


@pytest.mark.parametrize("path", PATHS)
def test_the_three_lists_have_an_entry_for_each_chunk(client: httpx.Client, path: str) -> None:
    body = client.post(path, files=upload(spoken_file(seconds=12.0)), data={"user_id": "u"}).json()
    assert body["predictions"] == ["real"] * 3
    assert all(0.5 <= share <= 1.0 for share in body["global_probability"])
    assert body["error"] == [None] * 3


def test_a_chunk_that_was_not_scored_has_an_error_instead(client: httpx.Client) -> None:
    sound = encode(np.hstack((speech(5.0), silence(5.0))), SPOKEN_RATE)
    body = client.post("/v0/predict", files=upload(sound)).json()
    assert body["predictions"] == ["real", None]
    assert body["global_probability"][1] is None
    assert body["error"] == [None, "Silence"]


@pytest.mark.parametrize("path", PATHS)
def test_a_wrong_key_is_forbidden(server: Server, path: str) -> None:
    with server.client("wrong") as client:
        answer = client.post(path, files=upload(spoken_file()))
    assert answer.status_code == 403
    assert answer.json()["error"] == "forbidden"
    assert answer.json()["message"] == "Invalid or inactive API key"


def test_too_large_is_a_validation_error(client: httpx.Client) -> None:
    answer = client.post("/v0/predict", files=upload(bytes(50 * 1_048_576 + 1)))
    assert answer.status_code == 400
    assert answer.json()["error"] == "validation_error"
    assert "50MB" in answer.json()["message"]


@pytest.mark.parametrize(
    ("content", "status"), [(spoken_file(seconds=2.0), 400), (b"junk" * 99, 422), (b"", 400)]
)
def test_other_errors_are_those_of_v1(client: httpx.Client, content: bytes, status: int) -> None:
    assert client.post("/v0/predict", files=upload(content)).status_code == status


def test_a_body_without_file_and_url_is_refused(client: httpx.Client) -> None:
    assert client.post("/v0/predict", json={"user_id": "u"}).status_code == 400


@pytest.mark.parametrize("path", [*PATHS, "/v0/nothing", "/api-ext/nothing"])
def test_every_answer_says_that_v0_is_deprecated(server: Server, path: str) -> None:
    for key in (server.key(), "wrong"):
        with server.client(key) as client:
            headers = client.post(path, files=upload(spoken_file())).headers
        assert headers["Deprecation"].startswith("@")
        assert headers["Sunset"].endswith("GMT")
        assert headers["Link"] == '</v1/predict>; rel="successor-version"'


def test_a_limit_that_is_reached_is_told_as_in_v1(server: Server) -> None:
    with server.client(server.key(Plan.FREE)) as client:
        answers = [client.post("/v0/predict") for _ in range(11)]
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["Retry-After"]) >= 1
