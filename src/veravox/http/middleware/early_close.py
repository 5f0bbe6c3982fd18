"""Answers that come before the request body has been read.

Closing a connection while the client still sends makes the kernel reset it, and the client may
lose the answer that it was sent. So the answer goes out whole with ``Connection: close``, what
still arrives is thrown away for a moment, and then the connection is closed (RFC 9112, 9.6).
"""

import anyio
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LINGER_SECONDS = 1.0


class EarlyCloseMiddleware:
    """Closes the connection after an answer that came before the end of the request body."""

    def __init__(self, app: ASGIApp) -> None:
        """`app` may answer whenever it likes."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http" or not _has_body(Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        unread = True
        closing = False

        async def watched_receive() -> Message:
            nonlocal unread
            message = await receive()
            unread = (
                unread and message["type"] == "http.request" and message.get("more_body", False)
            )
            return message

        async def closing_send(message: Message) -> None:
            nonlocal closing
            if message["type"] == "http.response.start":
                closing = unread
                if closing:
                    MutableHeaders(scope=message)["Connection"] = "close"
            elif closing and not message.get("more_body", False):
                await send({**message, "more_body": True})
                if not _waits_to_be_asked(Headers(scope=scope)):
                    await _discard(watched_receive)
                message = {"type": "http.response.body", "body": b""}
            await send(message)

        async def _discard(source: Receive) -> None:
            with anyio.move_on_after(LINGER_SECONDS):
                while unread:
                    await source()

        await self._app(scope, watched_receive, closing_send)


def _has_body(headers: Headers) -> bool:
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


def _waits_to_be_asked(headers: Headers) -> bool:
    """Whether the client sends its body only when told to go on."""
    return headers.get("expect", "").lower() == "100-continue"
