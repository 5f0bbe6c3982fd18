"""The error body that both generations of the Aurigin API share."""

from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel

from veravox.errors import RateLimited, Unavailable, VeravoxError
from veravox.http.exchange import Answer, Exchange
from veravox.http.faults import InternalError, MethodNotAllowed

ERROR_WORDS = {
    400: "validation_error",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    409: "conflict",
    413: "payload_too_large",
    422: "unsupported_format",
    429: "rate_limit_exceeded",
    500: "internal_error",
    503: "service_unavailable",
}

Entry = TypeVar("Entry")
EXAMPLE_ID = "a1b2c3d4-e5f6-7890-abcd-ef1234567890"

StatusTable = Mapping[type[VeravoxError], int]


class ProblemBody(BaseModel):
    """An error; `correlation_id` is the answer's X-Request-Id."""

    error: str
    message: str
    correlation_id: str
    status: int


def aurigin_answer(error: VeravoxError, exchange: Exchange, table: StatusTable) -> Answer:
    """`error` in the words of Aurigin, with the status that `table` gives to its class."""
    status = lookup(table, error, 500)
    body = ProblemBody(
        error=ERROR_WORDS[status],
        message=error.message if status != 500 else InternalError().message,
        correlation_id=exchange.request_id,
        status=status,
    )
    headers = error_headers(error)
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Answer(status, body.model_dump(), headers)


def documented(sentences: Mapping[int, tuple[str, str]]) -> dict[int, tuple[str, object]]:
    """For each status a description and an example body, from a description and a message."""
    return {
        status: (
            description,
            ProblemBody(
                error=ERROR_WORDS[status], message=message, correlation_id=EXAMPLE_ID, status=status
            ).model_dump(),
        )
        for status, (description, message) in sentences.items()
    }


def lookup(table: Mapping[type[VeravoxError], Entry], error: VeravoxError, default: Entry) -> Entry:
    """The entry of the nearest class of `error` that is in `table`."""
    entries = (table[kind] for kind in type(error).__mro__ if kind in table)
    return next(entries, default)


def error_headers(error: VeravoxError) -> dict[str, str]:
    """The headers that belong to an error in every dialect."""
    if isinstance(error, MethodNotAllowed):
        return {"Allow": error.allow}
    if isinstance(error, RateLimited | Unavailable):
        return {"Retry-After": str(error.retry_after)}
    return {}
