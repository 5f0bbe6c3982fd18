"""What all WebSocket adapters share: reading, writing, and how errors close a connection."""

from base64 import b64decode
from binascii import Error
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import TypeVar

import structlog
from pydantic import BaseModel, ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from veravox.errors import (
    Conflict,
    Forbidden,
    InvalidModel,
    InvalidRequest,
    MediaError,
    RateLimited,
    StreamIdle,
    StreamTooLong,
    Unauthorized,
    Unavailable,
    VeravoxError,
)

LARGEST_MESSAGE = 2 * 1_048_576
"""Bytes of one message: a frame of a megabyte in base64, and what is around it."""

DONE = 1000
INTERNAL = 1011
TRY_AGAIN_LATER = 1013
CLOSE_CODES: Mapping[type[VeravoxError], int] = {
    InvalidRequest: 4400,
    MediaError: 4400,
    Unauthorized: 4401,
    Forbidden: 4403,
    StreamIdle: 4408,
    Conflict: 4409,
    StreamTooLong: 4413,
    RateLimited: 4429,
    Unavailable: TRY_AGAIN_LATER,
}
"""4000 plus the status that HTTP has for the same; otherwise as RFC 6455 and its registry say."""

Message = str | bytes
Body = TypeVar("Body", bound=BaseModel)

_LONGEST_REASON = 123
_log = structlog.get_logger(__name__)


class DrainingWebSockets(WebSocketsSansIOProtocol):
    """Uvicorn's WebSockets, which are not closed at once when the server is told to end.

    Streams then have their time to end, and close the connection themselves.
    """

    def shutdown(self) -> None:
        """Called on every connection when the server is told to end."""
        if not self.handshake_complete or self.close_sent:
            super().shutdown()


class WebSocketLine:
    """A WebSocket as a line of text and binary messages."""

    def __init__(self, websocket: WebSocket) -> None:
        """`websocket` is accepted."""
        self._websocket = websocket

    async def receive(self) -> Message:
        """The next message. Raises WebSocketDisconnect when the caller is gone."""
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", DONE))
        text = message.get("text")
        return text if text is not None else message["bytes"]

    async def send(self, message: str) -> None:
        """Send a text message; waits while the caller reads none."""
        await self._websocket.send_text(message)


@asynccontextmanager
async def closing(websocket: WebSocket) -> AsyncGenerator[None]:
    """Closes the connection at the end of the block, with the code and the words of an error."""
    code, reason = DONE, ""
    try:
        yield
    except WebSocketDisconnect:
        return
    except Exception as error:
        code, reason = told(error)
        if code == INTERNAL:
            _log.error("a WebSocket call failed", path=websocket.url.path, exc_info=error)
    if websocket.application_state is WebSocketState.CONNECTED:
        await websocket.close(code, reason)


def parsed(model: type[Body], message: Message) -> Body:
    """A text message as `model`. Raises InvalidRequest, naming what does not fit."""
    if isinstance(message, bytes):
        raise InvalidRequest(f"A text message was expected, {len(message)} bytes came")
    try:
        return model.model_validate_json(message)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in problem["loc"])
        raise InvalidRequest(f"{place or 'message'}: {problem['msg']}") from None


def from_base64(value: object) -> object:
    """The bytes in text of base64, of either alphabet, padded or not; anything else as it is.

    Raises ValueError.
    """
    if not isinstance(value, str):
        return value
    standard = value.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except (Error, ValueError):
        raise ValueError("not base64") from None


def told(error: Exception) -> tuple[int, str]:
    """The code and the words that stand for an error; nothing is told of what is a bug."""
    if not isinstance(error, VeravoxError) or isinstance(error, InvalidModel):
        return INTERNAL, "Internal server error"
    codes = (CLOSE_CODES[kind] for kind in type(error).__mro__ if kind in CLOSE_CODES)
    reason = error.message.encode()[:_LONGEST_REASON].decode(errors="ignore")
    return next(codes, INTERNAL), reason
