"""The outermost middleware: names each request, stamps each answer, counts and logs it."""

import re
import time
from collections.abc import Sequence
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from veravox.http.exchange import Dialect, Exchange
from veravox.telemetry.metrics import REQUESTS

REQUEST_ID = "X-Request-Id"
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
NO_DIALECT = "none"

_SANE_ID = re.compile(r"[A-Za-z0-9._-]{1,128}", re.ASCII)
_log = structlog.get_logger(__name__)


class StampMiddleware:
    """Gives every request an id and a dialect, and every answer the headers that all share."""

    def __init__(self, app: ASGIApp, dialects: Sequence[Dialect]) -> None:
        """The first of `dialects` also speaks on paths that belong to none."""
        self._app = app
        self._dialects = dialects

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = self._open(scope)
        started = time.perf_counter()

        async def stamped(message: Message) -> None:
            if message["type"] == "http.response.start":
                _stamp(MutableHeaders(scope=message), exchange)
                _record(scope, exchange, message["status"], time.perf_counter() - started)
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=exchange.request_id):
            await self._app(scope, receive, stamped)

    def _open(self, scope: Scope) -> Exchange:
        asked = Headers(scope=scope).get(REQUEST_ID, "")
        owner = next((d for d in self._dialects if d.owns(scope["path"])), None)
        exchange = Exchange(
            request_id=asked if _SANE_ID.fullmatch(asked) else str(uuid4()),
            dialect=owner or self._dialects[0],
            needs_key=owner is not None and owner.takes_keys,
            request=HTTPConnection(scope),
        )
        exchange.attach(scope)
        return exchange


def _stamp(headers: MutableHeaders, exchange: Exchange) -> None:
    headers[REQUEST_ID] = exchange.request_id
    for name, value in SECURITY_HEADERS.items():
        headers.setdefault(name, value)
    if exchange.needs_key:
        headers.update(exchange.dialect.headers)
    if exchange.usage is not None:
        headers["X-RateLimit-Limit"] = str(exchange.usage.limit)
        headers["X-RateLimit-Remaining"] = str(exchange.usage.remaining)
        headers["X-RateLimit-Reset"] = str(exchange.usage.reset_at)


def _record(scope: Scope, exchange: Exchange, status: int, seconds: float) -> None:
    dialect = exchange.dialect.name if exchange.needs_key else NO_DIALECT
    REQUESTS.labels(dialect=dialect, status=str(status)).inc()
    _log.info(
        "answered",
        method=scope["method"],
        path=scope["path"],
        status=status,
        milliseconds=round(seconds * 1000.0, 1),
        key_id=exchange.key.id if exchange.key else None,
    )
