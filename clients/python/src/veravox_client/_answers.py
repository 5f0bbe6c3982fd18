"""From HTTP answers to models and errors."""

import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar, cast

import httpx
from pydantic import BaseModel, ValidationError

from veravox_client.errors import (
    ApiError,
    Conflict,
    Forbidden,
    InvalidRequest,
    NotFound,
    PayloadTooLarge,
    RateLimited,
    ServerError,
    Unauthorized,
    Unavailable,
    UnexpectedAnswer,
    UnsupportedMedia,
)

LONGEST_MESSAGE = 1000

KIND_OF: Mapping[int, type[ApiError]] = {
    400: InvalidRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    413: PayloadTooLarge,
    415: UnsupportedMedia,
    422: UnsupportedMedia,
    429: RateLimited,
    503: Unavailable,
}
KIND_OF_CODE: Mapping[str, type[ApiError]] = {
    "UNAUTHORIZED_ACCESS": Unauthorized,
    "INVALID_AUDIO_FORMAT": UnsupportedMedia,
}
"""Where a dialect gives a status another meaning."""

Model = TypeVar("Model", bound=BaseModel)


def parsed(model: type[Model], answer: httpx.Response) -> Model:
    """The body of a good answer. Raises UnexpectedAnswer."""
    try:
        return model.model_validate_json(answer.content)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc'])) or 'body'}: {problem['msg']}"
            for problem in error.errors(include_input=False, include_url=False)
        )
    raise UnexpectedAnswer(f"The answer is no {model.__name__}: {problems[:LONGEST_MESSAGE]}")


def ensure_good(answer: httpx.Response) -> None:
    """Raises what the answer's status stands for, unless it is a good one."""
    if answer.is_success:
        return
    if answer.status_code < 400:
        raise UnexpectedAnswer(f"The server answered with HTTP {answer.status_code}")
    code, message = _words(answer)
    known = KIND_OF.get(answer.status_code, ServerError if answer.is_server_error else ApiError)
    kind = KIND_OF_CODE.get(code, known)
    raise kind(
        answer.status_code,
        code,
        message[:LONGEST_MESSAGE],
        answer.headers.get("X-Request-Id"),
        retry_after(answer),
    )


def retry_after(answer: httpx.Response) -> float | None:
    """Seconds that Retry-After asks for, given as a number or as a date; None without it."""
    text = answer.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdecimal():
        return float(text[:9])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def _words(answer: httpx.Response) -> tuple[str, str]:
    """The word and the sentence of an error in one of the known dialects."""
    body = _object(answer)
    error = body.get("error")
    if isinstance(error, dict):
        inner = cast(dict[str, Any], error)
        return _text(inner.get("error_code")), _text(inner.get("message")) or _plain(answer)
    return _text(error), _text(body.get("message") or body.get("detail")) or _plain(answer)


def _object(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return cast(dict[str, Any], body) if isinstance(body, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _plain(answer: httpx.Response) -> str:
    return f"The server answered: {answer.reason_phrase or 'no reason given'}"
