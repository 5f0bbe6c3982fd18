"""Every error becomes an answer in the words of the dialect that was spoken."""

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from veravox.errors import Unavailable
from veravox.http.exchange import Exchange
from veravox.http.faults import InternalError, domain_error

_log = structlog.get_logger(__name__)


class ProblemMiddleware:
    """Answers the errors that middleware and handlers let through."""

    def __init__(self, app: ASGIApp) -> None:
        """`app` may raise anything."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def watched_send(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, watched_send)
        except ClientDisconnect:
            _log.info("the client went away", path=scope["path"])
        except Exception as error:
            if started:
                raise
            await error_response(scope, error)(scope, receive, send)


def error_response(scope: Scope, error: Exception) -> Response:
    """The answer to a request whose handling raised `error`; a bug is logged with its trace."""
    known = domain_error(error)
    if known is not error and isinstance(known, InternalError | Unavailable):
        _log.error("cannot serve", path=scope["path"], exc_info=error)
    exchange = Exchange.of(scope)
    return exchange.dialect.answer_error(known, exchange).response()


async def framework_error(request: Request, error: Exception) -> Response:
    """The handler for errors that the framework would otherwise answer in its own words."""
    return error_response(request.scope, error)
