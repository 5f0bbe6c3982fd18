"""`/v1/stream/twilio`: Twilio Media Streams, as <Start><Stream> of a call sends them.

https://www.twilio.com/docs/voice/media-streams/websocket-messages. Twilio can send neither headers
nor parameters in the address; the key is the custom parameter `apiKey`. Twilio has no use for
answers: the result is the prediction whose id is the stream's `streamSid`.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel
from starlette.websockets import WebSocket

from veravox.audio.frames import AudioFrame, Codec
from veravox.errors import InvalidRequest
from veravox.stream_analysis import StreamOptions, StreamWindow
from veravox.streaming.conversation import converse
from veravox.streaming.desk import Desk
from veravox.streaming.websocket_calls import WebSocketLine, closing, from_base64, parsed
from veravox.streams import Conclusion, KeptAs, LiveStream

PROTOCOL = "twilio"
STOP = "stop"

router = APIRouter()


class _Wire(BaseModel):
    """A message, or a part of one; Twilio adds fields as it pleases."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore")


class MediaFormat(_Wire):
    """What the audio is; Twilio knows nothing else."""

    encoding: Literal["audio/x-mulaw"]
    sample_rate: int
    channels: int


class CustomParameters(_Wire):
    """The <Parameter>s of the <Stream>."""

    api_key: str


class StartBody(_Wire):
    """What is known at the beginning of a stream."""

    tracks: Annotated[list[str], Field(min_length=1)]
    media_format: MediaFormat
    custom_parameters: CustomParameters


class MediaBody(_Wire):
    """Some audio of one side of the call."""

    track: str
    payload: Annotated[bytes, BeforeValidator(from_base64)]


class TwilioMessage(_Wire):
    """Any message."""

    event: str
    stream_sid: Annotated[str | None, Field(pattern=r"^[A-Za-z0-9]{1,64}$")] = None
    start: StartBody | None = None
    media: MediaBody | None = None


class TwilioLine:
    """A line that only listens, from the message on that starts the stream."""

    def __init__(self, line: WebSocketLine) -> None:
        """`line` brings the messages as text."""
        self._line = line
        self._first: TwilioMessage | None = None

    async def begin(self) -> tuple[str, StartBody]:
        """The stream's id and its beginning. Raises InvalidRequest."""
        message = await self._next()
        if message.event == "connected":
            message = await self._next()
        if message.start is None or message.stream_sid is None:
            raise InvalidRequest("The stream must begin with a start message")
        self._first = message
        return message.stream_sid, message.start

    async def receive(self) -> TwilioMessage | None:
        """The next message, the start first; None at the end of the call."""
        message, self._first = self._first or await self._next(), None
        return None if message.event == STOP else message

    async def send(self, message: str) -> None:
        """Nothing is ever said to Twilio."""
        raise RuntimeError(f"Twilio was told: {message}")

    async def _next(self) -> TwilioMessage:
        return parsed(TwilioMessage, await self._line.receive())


class TwilioDialect:
    """Twilio's messages; the first track of a call is heard."""

    def __init__(self, start: StartBody) -> None:
        """For the stream that `start` begins."""
        self._start = start

    def options(self, first: TwilioMessage) -> StreamOptions:  # noqa: ARG002
        """The defaults."""
        return StreamOptions()

    def frame(self, message: TwilioMessage) -> AudioFrame | None:
        """The audio in a message, if it has some of the right track. Raises InvalidRequest."""
        media = message.media
        if media is None or media.track != self._start.tracks[0]:
            return None
        audio = self._start.media_format
        return AudioFrame(Codec.PCMU, audio.sample_rate, audio.channels, media.payload)

    def opened(self, stream: LiveStream) -> Sequence[str]:  # noqa: ARG002
        """Nothing."""
        return ()

    def heard(self, stream: LiveStream, window: StreamWindow) -> Sequence[str]:  # noqa: ARG002
        """Nothing."""
        return ()

    def concluded(self, stream: LiveStream, conclusion: Conclusion) -> Sequence[str]:  # noqa: ARG002
        """Nothing."""
        return ()


@router.websocket("/v1/stream/twilio")
async def stream(websocket: WebSocket) -> None:
    """One call."""
    await websocket.accept()
    desk = Desk.of(websocket.app.state)
    async with closing(websocket):
        line = TwilioLine(WebSocketLine(websocket))
        stream_sid, start = await desk.streams.patiently(line.begin())
        async with desk.admitted(start.custom_parameters.api_key) as caller:
            kept_as = KeptAs(stream_sid)
            await converse(line, TwilioDialect(start), desk.streams, caller, PROTOCOL, kept_as)
