"""`/v1/stream/audiohook`: version 2 of Genesys AudioHook, as AudioHook Monitor speaks it.

https://developer.genesys.cloud/devapps/audiohook; the names of messages and fields are those of the
vendor's reference implementation (github.com/purecloudlabs/audiohook-reference-implementation).
The key comes in the header `X-API-KEY`. Genesys has no use for verdicts: the result is the
prediction whose id is the session's. It is the client that closes: the server asks for that with
`disconnect`, and says `closed` when everything is done.
"""

from collections.abc import Sequence
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from starlette.websockets import WebSocket, WebSocketDisconnect

from veravox.accounts.keys import presented_key
from veravox.audio.frames import AudioFrame, Codec
from veravox.errors import Forbidden, InvalidRequest, StreamTooLong, Unauthorized, VeravoxError
from veravox.stream_analysis import StreamOptions, StreamWindow
from veravox.streaming.conversation import converse
from veravox.streaming.desk import Desk
from veravox.streaming.websocket_calls import WebSocketLine, closing, parsed, told
from veravox.streams import Conclusion, KeptAs, LiveStream

PROTOCOL = "audiohook"
VERSION = "2"
RATE = 8_000
CALLER = "external"

router = APIRouter()


class _Wire(BaseModel):
    """A part of a message; Genesys adds fields as it pleases."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore")


class Media(_Wire):
    """A kind of audio that Genesys offers, or the one that was chosen."""

    type: str
    format: str
    channels: Annotated[list[str], Field(min_length=1)]
    rate: int


class OpenParameters(_Wire):
    """What is known at the beginning of a session."""

    conversation_id: UUID
    media: list[Media]


class ClientMessage(_Wire):
    """Any message of Genesys; `seq` counts them from 1."""

    version: Literal["2"]
    id: UUID
    type: str
    seq: int
    parameters: Annotated[OpenParameters | dict[str, object], Field(union_mode="left_to_right")]


class ServerMessage(_Wire):
    """Any message to Genesys, before the line counts and addresses it."""

    type: str
    parameters: dict[str, object] = {}


class _Addressed(ServerMessage):
    version: str = VERSION
    id: UUID
    seq: int
    clientseq: int


CLOSED = ServerMessage(type="closed")


class AudioHookLine:
    """A line that counts messages, answers pings and knows when the session is over."""

    def __init__(self, line: WebSocketLine) -> None:
        """`line` brings messages as text and audio as bytes."""
        self._line = line
        self._first: ClientMessage | None = None
        self._id = UUID(int=0)
        self._heard: int = 0
        self._said = 0
        self._ended = False

    async def begin(self) -> tuple[str, OpenParameters]:
        """The session's id and its beginning. Raises InvalidRequest."""
        message = await self._next()
        if isinstance(message, bytes) or not isinstance(message.parameters, OpenParameters):
            raise InvalidRequest("A session must begin with an open message")
        self._first = message
        return str(message.id), message.parameters

    async def receive(self) -> ClientMessage | bytes | None:
        """The next message, `open` first, or audio; None when Genesys closes the session."""
        message, self._first = self._first or await self._next(), None
        if isinstance(message, bytes):
            return message
        if message.type == "ping":
            await self.send(ServerMessage(type="pong"))
        self._ended = message.type == "close"
        return None if self._ended else message

    async def send(self, message: ServerMessage) -> None:
        """Say something to Genesys."""
        self._said += 1
        addressed = _Addressed(
            type=message.type,
            parameters=message.parameters,
            id=self._id,
            seq=self._said,
            clientseq=self._heard,
        )
        await self._line.send(addressed.model_dump_json())

    async def disconnect(self, error: VeravoxError) -> None:
        """Tell Genesys of `error`, unless it closes anyway, and wait until it closes."""
        if not self._ended:
            await self._ask_to_close(error)
        await self.send(CLOSED)

    async def _ask_to_close(self, error: VeravoxError) -> None:
        reason = "error"
        if isinstance(error, Unauthorized | Forbidden):
            reason = "unauthorized"
        elif isinstance(error, StreamTooLong):
            reason = "completed"
        _, words = told(error)
        await self.send(
            ServerMessage(type="disconnect", parameters={"reason": reason, "info": words})
        )
        while await self.receive() is not None:
            pass

    async def hung_up(self) -> None:
        """Wait until Genesys has closed the connection, as it does after `closed`."""
        try:
            while True:
                await self._line.receive()
        except WebSocketDisconnect:
            return

    async def _next(self) -> ClientMessage | bytes:
        received = await self._line.receive()
        if isinstance(received, bytes):
            return received
        message = parsed(ClientMessage, received)
        if message.seq != self._heard + 1 or (self._heard and message.id != self._id):
            raise InvalidRequest("A message is missing, or is of another session")
        self._heard, self._id = message.seq, message.id
        return message


class AudioHookDialect:
    """Genesys's messages; the caller is heard, without the agent where Genesys offers that."""

    def __init__(self, offered: Sequence[Media]) -> None:
        """For a session whose audio is offered as any of `offered`."""
        fit = [media for media in offered if media.format == "PCMU" and media.rate == RATE]
        fit.sort(key=lambda media: (CALLER not in media.channels, len(media.channels)))
        self._media = fit[0] if fit else None

    def options(self, first: ClientMessage | bytes) -> StreamOptions:  # noqa: ARG002
        """The defaults."""
        return StreamOptions()

    def frame(self, message: ClientMessage | bytes) -> AudioFrame | None:
        """The caller's audio, None for anything else. Raises InvalidRequest."""
        if not isinstance(message, bytes):
            return None
        if self._media is None:
            raise InvalidRequest("Audio came, although none of what was offered was chosen")
        channels = self._media.channels
        if len(message) % len(channels):
            raise InvalidRequest(f"Audio must hold whole samples of {len(channels)} channels")
        heard = channels.index(CALLER) if CALLER in channels else 0
        return AudioFrame(Codec.PCMU, RATE, 1, message[heard :: len(channels)])

    def opened(self, stream: LiveStream) -> Sequence[ServerMessage]:  # noqa: ARG002
        """Which audio is wanted; none where nothing that was offered fits."""
        chosen = [] if self._media is None else [self._media.model_dump()]
        parameters: dict[str, object] = {"media": chosen, "startPaused": False}
        return (ServerMessage(type="opened", parameters=parameters),)

    def heard(
        self,
        stream: LiveStream,  # noqa: ARG002
        window: StreamWindow,  # noqa: ARG002
    ) -> Sequence[ServerMessage]:
        """Nothing."""
        return ()

    def concluded(
        self,
        stream: LiveStream,
        conclusion: Conclusion,  # noqa: ARG002
    ) -> Sequence[ServerMessage]:
        """That all is done, if it was Genesys who wanted to close."""
        return (CLOSED,) if stream.cause is None else ()


@router.websocket("/v1/stream/audiohook")
async def stream(websocket: WebSocket) -> None:
    """One session."""
    await websocket.accept()
    desk = Desk.of(websocket.app.state)
    line = AudioHookLine(WebSocketLine(websocket))
    async with closing(websocket):
        session_id, opening = await desk.streams.patiently(line.begin())
        kept_as = KeptAs(session_id, str(opening.conversation_id))
        dialect = AudioHookDialect(opening.media)
        try:
            async with desk.admitted(presented_key(websocket.headers)) as caller:
                await converse(line, dialect, desk.streams, caller, PROTOCOL, kept_as)
        except VeravoxError as error:
            await desk.streams.patiently(line.disconnect(error))
        await desk.streams.patiently(line.hung_up())
