"""Calls written once for both clients.

A call is a generator: it yields the requests it needs and is sent the answers. Whoever runs it, in
this thread or in an event loop, only waits and sends; errors of the transport are thrown into it.
"""

import random
from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeVar

import httpx

from veravox_client._answers import ensure_good, retry_after
from veravox_client.errors import ConnectionFailed
from veravox_client.options import Retries

REFUSED = (429, 503)
"""Nothing was done yet, so that asking again does nothing twice."""
TRANSIENT = (408, 502, 504)
"""Something may have been done."""
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
MAYBE_SENT = (httpx.TimeoutException, httpx.NetworkError, httpx.RemoteProtocolError)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Step:
    """A request to send after `delay` seconds."""

    request: httpx.Request
    delay: float = 0.0


Flow = Generator[Step, httpx.Response, T]


def exchange(
    request: httpx.Request,
    retries: Retries,
    *,
    idempotent: bool,
    busy: int | None = None,
    done: int | None = None,
    good: int | None = None,
    delay: float = 0.0,
) -> Flow[httpx.Response]:
    """The answer to `request`, asked for again where that is safe and can help.

    What is not `idempotent` is only sent again when the server did nothing with it. The statuses
    `busy` and `done` have a meaning in the answer to a repeated request: that an earlier one is
    still being worked on, which is waited for, and that it was successful. Raises ConnectionFailed,
    and ApiError for an answer that is neither good as such nor has the status `good`.
    """
    attempt = 1
    repeated = False
    while True:
        answer: httpx.Response | None = None
        problem = ""
        try:
            answer = yield Step(request, delay)
        except httpx.TransportError as error:
            problem = _described(error)
            again = isinstance(error, NEVER_SENT) or (idempotent and isinstance(error, MAYBE_SENT))
        else:
            if repeated and answer.status_code == done:
                return answer
            again = _worth_repeating(answer, idempotent)
        asked = None if answer is None else retry_after(answer)
        if answer is not None and repeated and answer.status_code == busy:
            delay = retries.longest_delay * random.random()
        elif again and attempt < retries.attempts and (asked or 0.0) <= retries.longest_retry_after:
            delay = max(asked or 0.0, _backoff(retries, attempt))
            attempt += 1
        else:
            return _settled(answer, problem, good)
        repeated = True


def _settled(answer: httpx.Response | None, problem: str, good: int | None) -> httpx.Response:
    """The answer that counts. Raises ConnectionFailed, ApiError."""
    if answer is None:
        raise ConnectionFailed(problem)
    if answer.status_code != good:
        ensure_good(answer)
    return answer


def _worth_repeating(answer: httpx.Response, idempotent: bool) -> bool:
    status = answer.status_code
    return status in REFUSED or (idempotent and status in TRANSIENT)


def _backoff(retries: Retries, attempt: int) -> float:
    """Exponential with full jitter, so that many clients do not come back at once."""
    longest = min(retries.longest_delay, retries.first_delay * 2.0 ** (attempt - 1))
    return longest * random.random()


def _described(error: httpx.TransportError) -> str:
    """Its kind and text, without the request, which holds the key."""
    kind = type(error).__name__
    return f"The server cannot be reached: {kind}: {error}" if str(error) else f"No answer: {kind}"
