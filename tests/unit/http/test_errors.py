"""Every error of the domain in every dialect."""

import json
from collections.abc import Iterator

import pytest

import veravox.errors
from veravox.errors import (
    AudioTooShort,
    Conflict,
    Forbidden,
    InvalidRequest,
    MediaError,
    MediaTooLarge,
    MissingFile,
    NoAudioStream,
    NoSpeech,
    NotFound,
    PayloadTooLarge,
    RateLimited,
    RateUsage,
    RefusedVoice,
    StorageUnavailable,
    Unauthorized,
    Unavailable,
    UndecodableAudio,
    UnknownModel,
    UnsupportedFormat,
    VeravoxError,
)
from veravox.http.dialects import aurigin_v0, aurigin_v1, neural_defend
from veravox.http.exchange import Answer, Dialect, Exchange
from veravox.http.faults import MethodNotAllowed, UploadTimeout, domain_error

SECRET = "/srv/veravox/models/secret.onnx"

CASES: list[tuple[VeravoxError, int, int, int]] = [
    (InvalidRequest("no"), 400, 400, 400),
    (UnknownModel("no"), 400, 400, 400),
    (MissingFile("no"), 400, 400, 400),
    (NoSpeech("no"), 400, 400, 400),
    (RefusedVoice("no"), 400, 400, 400),
    (AudioTooShort(2.1, 3.0), 400, 400, 400),
    (veravox.errors.NoSpeech("no"), 400, 400, 400),
    (veravox.errors.RefusedVoice("no"), 400, 400, 400),
    (Unauthorized("no"), 401, 403, 403),
    (Forbidden("no"), 403, 403, 403),
    (NotFound("no"), 404, 404, 404),
    (MethodNotAllowed("POST"), 405, 405, 405),
    (UploadTimeout("no"), 408, 408, 408),
    (Conflict("no"), 409, 409, 409),
    (PayloadTooLarge(5 * 1_048_576), 413, 400, 413),
    (MediaError("no"), 422, 422, 400),
    (UnsupportedFormat("no"), 422, 422, 400),
    (UnsupportedFormat("no", recognised="PDF"), 422, 422, 415),
    (UndecodableAudio("no"), 422, 422, 400),
    (NoAudioStream("no"), 422, 422, 400),
    (MediaTooLarge("no"), 422, 422, 400),
    (RateLimited(10, 10, 30, "per minute", RateUsage(10, 0, 99)), 429, 429, 429),
    (Unavailable("no", 7), 503, 503, 503),
    (StorageUnavailable("full"), 503, 503, 503),
    (domain_error(veravox.errors.InvalidModel(SECRET)), 500, 500, 500),
    (domain_error(RuntimeError(SECRET)), 500, 500, 500),
]


def exchange_in(dialect: Dialect) -> Exchange:
    return Exchange("request-1", dialect, needs_key=True, filename="a.wav")


def answers() -> Iterator[tuple[Dialect, VeravoxError, int]]:
    for error, *statuses in CASES:
        for module, status in zip((aurigin_v1, aurigin_v0, neural_defend), statuses, strict=True):
            yield module.DIALECT, error, status


def answer_in(dialect: Dialect, error: VeravoxError) -> Answer:
    return dialect.answer_error(error, exchange_in(dialect))


@pytest.mark.parametrize(
    ("dialect", "error", "status"),
    [pytest.param(*case, id=f"{case[0].name}-{type(case[1]).__name__}") for case in answers()],
)
def test_every_error_has_its_status_and_says_so_in_its_body(
    dialect: Dialect, error: VeravoxError, status: int
) -> None:
    answer = answer_in(dialect, error)
    body = json.loads(answer.response().body)
    assert answer.status == status
    if dialect is neural_defend.DIALECT:
        assert body["error"]["status_code"] == status
        assert body["detail"] == body["error"]["message"]
    else:
        assert body["status"] == status
        assert body["correlation_id"] == "request-1"
    assert SECRET not in json.dumps(body)


def test_every_error_of_the_domain_is_covered() -> None:
    covered = {kind for error, *_ in CASES for kind in type(error).__mro__}
    elsewhere = {
        veravox.errors.InvalidModel,
        veravox.errors.InvalidManifest,
        veravox.errors.NotSeparable,
        veravox.errors.StreamIdle,
        veravox.errors.StreamTooLong,
    }
    kinds = {
        kind
        for kind in vars(veravox.errors).values()
        if isinstance(kind, type) and issubclass(kind, VeravoxError)
    }
    assert kinds - covered <= elsewhere


@pytest.mark.parametrize("module", [aurigin_v1, aurigin_v0, neural_defend])
def test_errors_that_pass_say_when_to_come_back(module: object) -> None:
    dialect: Dialect = module.DIALECT  # type: ignore[attr-defined]
    limited = RateLimited(10, 10, 30, "per minute", RateUsage(10, 0, 99))
    assert answer_in(dialect, limited).headers["Retry-After"] == "30"
    assert answer_in(dialect, Unavailable("no", 7)).headers["Retry-After"] == "7"
    assert answer_in(dialect, MethodNotAllowed("GET, POST")).headers["Allow"] == "GET, POST"
