"""Every answer has every documented key, of the documented type."""

import httpx
import pytest

from tests.audio_factory import SPOKEN_RATE, encode, silence, speech, spoken_file, tone
from tests.contract import published
from tests.contract.shapes import mismatches
from tests.http_factory import Server, upload
from veravox.accounts import Plan, Scope

SPOKEN = spoken_file(seconds=10.0)
TOO_LARGE = bytes(2 * 1_048_576)
AURIGIN_PATHS = ("/v1/predict", "/v1/predict/large-file", "/v0/predict", "/api-ext/predict")


@pytest.mark.parametrize("path", ["/v1/predict", "/v1/predict/large-file"])
def test_a_v1_prediction(client: httpx.Client, path: str) -> None:
    answer = client.post(path, files=upload(SPOKEN))
    assert answer.status_code == 200
    assert mismatches(published.V1_PREDICTION, answer.json()) == []


def test_a_kept_v1_prediction(client: httpx.Client) -> None:
    made = client.post("/v1/predict", files=upload(SPOKEN)).json()
    kept = client.get(f"/v1/predictions/{made['prediction_id']}").json()
    listed = client.get("/v1/predictions").json()
    assert mismatches(published.V1_STORED, kept) == []
    assert mismatches(published.V1_STORED, listed["predictions"][0]) == []


@pytest.mark.parametrize("path", ["/v0/predict", "/api-ext/predict"])
def test_a_v0_prediction(client: httpx.Client, path: str) -> None:
    answer = client.post(path, files=upload(SPOKEN))
    assert answer.status_code == 200
    assert mismatches(published.V0_PREDICTION, answer.json()) == []


@pytest.mark.parametrize("path", AURIGIN_PATHS)
@pytest.mark.parametrize(
    ("content", "word", "statuses"),
    [
        (spoken_file(seconds=2.1), "validation_error", {400}),
        (b"", "validation_error", {400}),
        (b"%PDF-1.7" + bytes(99), "unsupported_format", {422}),
        (TOO_LARGE, "payload_too_large", {413}),
    ],
)
def test_an_aurigin_error(
    client: httpx.Client, path: str, content: bytes, word: str, statuses: set[int]
) -> None:
    answer = client.post(path, files=upload(content))
    body = answer.json()
    if content is TOO_LARGE and not path.startswith("/v1"):
        word, statuses = "validation_error", {400}
    assert mismatches(published.AURIGIN_ERROR, body) == []
    assert answer.status_code == body["status"]
    assert answer.status_code in statuses
    assert body["error"] == word
    assert body["correlation_id"] == answer.headers["X-Request-Id"]


@pytest.mark.parametrize("path", AURIGIN_PATHS)
def test_an_aurigin_refusal(small_server: Server, path: str) -> None:
    older = not path.startswith("/v1")
    unscoped = small_server.key(scopes=[Scope.READ])
    for key, status in (("wrong", 403 if older else 401), (unscoped, 403)):
        with small_server.client(key) as client:
            answer = client.post(path, files=upload(SPOKEN))
        assert answer.status_code == status
        assert mismatches(published.AURIGIN_ERROR, answer.json()) == []


def test_a_detection(client: httpx.Client) -> None:
    answer = client.post("/detect/audio", files=upload(SPOKEN))
    assert mismatches(published.DETECTION, answer.json()) == []
    assert answer.json()["audio_analysis"]["prediction"] == "Real Audio"


def test_a_detection_of_a_spoof(client: httpx.Client) -> None:
    sound = encode(speech(6.0) + tone(6.0, 6_000.0, peak=0.05), SPOKEN_RATE)
    body = client.post("/detect/audio", files=upload(sound)).json()
    assert mismatches(published.DETECTION, body) == []
    assert body["audio_analysis"]["prediction"] == published.FAKE


@pytest.mark.parametrize(
    ("content", "example"),
    [
        (encode(silence(6.0), SPOKEN_RATE), published.NO_SPEECH),
        (spoken_file(seconds=1.0), published.TOO_SHORT),
    ],
)
def test_a_detection_without_a_verdict(
    client: httpx.Client, content: bytes, example: dict[str, dict[str, str | None]]
) -> None:
    answer = client.post("/detect/audio", files=upload(content))
    assert answer.status_code == 200
    assert answer.json()["audio_analysis"].items() >= example["audio_analysis"].items()


@pytest.mark.parametrize(
    ("content", "example"),
    [
        (b"", "missing"),
        (SPOKEN[:40], "invalid"),
        (b"%PDF-1.7" + bytes(99), "unsupported"),
        (TOO_LARGE, "large"),
    ],
)
def test_a_detection_error(client: httpx.Client, content: bytes, example: str) -> None:
    answer = client.post("/detect/audio", files=upload(content))
    _check_detection_error(answer, published.DETECTION_ERRORS[example])


def test_a_denied_detection(small_server: Server) -> None:
    with small_server.client("wrong") as client:
        answer = client.post("/detect/audio", files=upload(SPOKEN))
    _check_detection_error(answer, published.DETECTION_ERRORS["denied"])


def test_a_limited_detection(small_server: Server) -> None:
    with small_server.client(small_server.key(Plan.FREE)) as client:
        answers = [client.post("/detect/audio") for _ in range(11)]
    _check_detection_error(answers[-1], published.DETECTION_ERRORS["limited"])


def _check_detection_error(answer: httpx.Response, example: dict[str, dict[str, str]]) -> None:
    body = answer.json()
    assert mismatches(example, body) == []
    for key in ("status", "status_code", "error_code"):
        assert body["error"][key] == example["error"][key]
    assert answer.status_code == body["error"]["status_code"]
