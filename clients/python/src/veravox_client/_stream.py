"""`/v1/stream`: audio goes up while verdicts come down, over a WebSocket.

The messages are the proto3-JSON of aurigin.client.v1.AudioVerification/Stream; audio goes in binary
messages. Nothing is repeated: audio that was heard live cannot be sent again.
"""

import asyncio
import json
import logging
import threading
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from typing import TypedDict

from pydantic import ValidationError
from websockets.asyncio.client import connect as connect_async
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.sync.client import ClientConnection, connect

from veravox_client._answers import KIND_OF
from veravox_client._server import Server
from veravox_client.errors import (
    ApiError,
    ConnectionFailed,
    ServerError,
    Unavailable,
    UnexpectedAnswer,
    VeravoxError,
)
from veravox_client.streams import AudioFormat, StreamEvent, StreamMessage, StreamResult

PATH = "/v1/stream"
OPEN_SECONDS = 30.0
LARGEST_ANSWER = 1_048_576
DONE = "{}"
FAILED = 1011
TRY_AGAIN_LATER = 1013
STATUS_FROM = 4000
"""Close codes from here on are this plus an HTTP status."""

_SILENT = logging.Logger("veravox_client.stream", logging.CRITICAL + 1)
"""The library would log the headers of the handshake, with the key."""


class _Handshake(TypedDict):
    """What both of the library's ways to connect are told."""

    additional_headers: Mapping[str, str]
    open_timeout: float
    max_size: int
    logger: logging.Logger


def _handshake(server: Server) -> _Handshake:
    return {
        "additional_headers": server.headers,
        "open_timeout": OPEN_SECONDS,
        "max_size": LARGEST_ANSWER,
        "logger": _SILENT,
    }


def stream(server: Server, audio: Iterable[bytes], form: AudioFormat) -> Iterator[StreamEvent]:
    """The answers while `audio` is sent by a thread. Raises what iterating over `audio` raises."""
    problem: VeravoxError | None = None
    sender: _Sender | None = None
    try:
        with connect(server.socket_url(PATH), **_handshake(server)) as socket:
            sender = _Sender(socket, audio, form)
            sender.start()
            try:
                for message in socket:
                    event = _event(message)
                    if event is not None:
                        yield event
                    if isinstance(event, StreamResult):
                        return
            finally:
                sender.stop()
    except (OSError, WebSocketException) as error:
        problem = _problem(error)
    if sender is not None and sender.failure is not None:
        raise sender.failure
    raise problem or ConnectionFailed("The stream ended before its result")


class _Sender(threading.Thread):
    """Sends the audio; when getting it fails, the connection is closed and the error kept."""

    def __init__(self, socket: ClientConnection, audio: Iterable[bytes], form: AudioFormat) -> None:
        super().__init__(name="veravox-stream", daemon=True)
        self._socket = socket
        self._audio = audio
        self._form = form
        self._stopped = threading.Event()
        self.failure: Exception | None = None

    def run(self) -> None:
        """Everything that a caller says."""
        try:
            for message in _opening(self._form):
                self._socket.send(message)
            for block in self._audio:
                if self._stopped.is_set():
                    return
                self._socket.send(block)
            self._socket.send(DONE)
        except ConnectionClosed:
            return
        except Exception as error:
            self.failure = error
            self._socket.close()

    def stop(self) -> None:
        """Send no more."""
        self._stopped.set()


async def stream_async(
    server: Server, audio: AsyncIterable[bytes], form: AudioFormat
) -> AsyncIterator[StreamEvent]:
    """The answers while `audio` is sent by a task. Raises what iterating over `audio` raises."""
    problem: VeravoxError | None = None
    failure: Exception | None = None
    try:
        async with connect_async(server.socket_url(PATH), **_handshake(server)) as socket:

            async def send() -> None:
                nonlocal failure
                try:
                    for message in _opening(form):
                        await socket.send(message)
                    async for block in audio:
                        await socket.send(block)
                    await socket.send(DONE)
                except ConnectionClosed:
                    return
                except Exception as error:
                    failure = error
                    await socket.close()

            sending = asyncio.create_task(send())
            try:
                async for message in socket:
                    event = _event(message)
                    if event is not None:
                        yield event
                    if isinstance(event, StreamResult):
                        return
            finally:
                sending.cancel()
    except (OSError, WebSocketException) as error:
        problem = _problem(error)
    if failure is not None:
        raise failure
    raise problem or ConnectionFailed("The stream ended before its result")


def _opening(form: AudioFormat) -> tuple[str, str]:
    """The first two messages: a session, and the format of the audio that follows."""
    frame = {
        "codec": f"AUDIO_CODEC_{form.codec}",
        "sampleRateHz": form.sample_rate,
        "channels": form.channels,
    }
    return json.dumps({"createSessionRequest": {}}), json.dumps({"audioFrame": frame})


def _event(message: str | bytes) -> StreamEvent | None:
    try:
        return StreamMessage.model_validate_json(message).event
    except ValidationError:
        pass
    raise UnexpectedAnswer("The stream answered in a shape that is not known")


def _problem(error: OSError | WebSocketException) -> VeravoxError:
    """What the end of a connection stands for; the key is in none of it."""
    if isinstance(error, ConnectionClosed) and error.rcvd is not None:
        return _closed(error.rcvd.code, error.rcvd.reason)
    if isinstance(error, InvalidStatus):
        return _refused(error.response.status_code, "The server does not stream")
    return ConnectionFailed(f"The stream failed: {type(error).__name__}")


def _closed(code: int, reason: str) -> ApiError:
    if code == TRY_AGAIN_LATER:
        return Unavailable(503, "", reason)
    if code < STATUS_FROM:
        return ServerError(500, "", reason or f"The stream was closed with code {code}")
    return _refused(code - STATUS_FROM, reason)


def _refused(status: int, message: str) -> ApiError:
    return KIND_OF.get(status, ApiError)(status, "", message)
