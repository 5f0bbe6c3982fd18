"""`/v1/stream`: aurigin.client.v1.AudioVerification/Stream over a WebSocket.

Messages are the proto3-JSON of StreamRequest and StreamResponse. A binary message is audio in the
format of the last `audioFrame`, whose payload may be empty. An empty message, or ``{}``, says that
the caller is done, for which a WebSocket has no half-close. The key comes in a header, as a
subprotocol (browsers cannot set headers) or in a first message of its own; never in the address,
which is logged on its way.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, cast

from fastapi import APIRouter
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel
from starlette.websockets import WebSocket

from veravox.accounts.keys import presented_key
from veravox.audio.frames import AudioFrame, Codec
from veravox.detection.verdict import Result, Segment
from veravox.errors import InvalidRequest
from veravox.stream_analysis import StreamOptions, StreamWindow
from veravox.streaming import words
from veravox.streaming.conversation import converse
from veravox.streaming.desk import Desk
from veravox.streaming.websocket_calls import (
    Message,
    WebSocketLine,
    closing,
    from_base64,
    parsed,
)
from veravox.streams import Conclusion, LiveStream

PROTOCOL = "websocket"
SUBPROTOCOL = "veravox.v1"
KEY_SUBPROTOCOL = "veravox.key."

CODECS = ("UNSPECIFIED", "S16LE", "S16BE", "S24LE", "S32LE", "F32LE", "PCMU", "PCMA", "OPUS")
"""In the order of their numbers in aurigin.media.v1.AudioCodec."""
SESSION_TYPES = (
    *("UNSPECIFIED", "LIVE_CALL", "LIVE_MEETING", "USER_STREAM", "API_STREAM", "FILE_VERIFY"),
)


router = APIRouter()


def _number_of(prefix: str, names: Sequence[str]) -> BeforeValidator:
    """Enums come by name or by number."""

    def number(value: object) -> object:
        if isinstance(value, str) and value.removeprefix(prefix) in names:
            return names.index(value.removeprefix(prefix))
        return value

    return BeforeValidator(number)


class _Wire(BaseModel):
    """A proto3-JSON message: names in camel case or as in the .proto, nothing unknown."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")


class SessionConfig(_Wire):
    """aurigin.client.v1.ClientSessionConfig."""

    session_type: Annotated[
        int, _number_of("SESSION_TYPE_", SESSION_TYPES), Field(ge=0, lt=len(SESSION_TYPES))
    ] = 0
    attributes: dict[str, str] = {}


class SessionBody(_Wire):
    """aurigin.client.v1.CreateSessionRequest."""

    config: SessionConfig | None = None


class FrameBody(_Wire):
    """aurigin.media.v1.AudioFrame."""

    codec: Annotated[int, _number_of("AUDIO_CODEC_", CODECS), Field(ge=0, lt=len(CODECS))] = 0
    sample_rate_hz: int = 0
    channels: int = 0
    payload: Annotated[bytes, BeforeValidator(from_base64)] = b""
    pts_ns: int | None = None
    sequence: int | None = None


class RequestBody(_Wire):
    """aurigin.client.v1.StreamRequest."""

    create_session_request: SessionBody | None = None
    audio_frame: FrameBody | None = None


class KeyBody(_Wire):
    """The first message of a caller who can set neither headers nor subprotocols."""

    api_key: str


class ResponseBody(_Wire):
    """aurigin.client.v1.StreamResponse; exactly one field is set."""

    create_session_response: "SessionAnswer | None" = None
    verdict: "VerdictBody | None" = None
    notification: "NotificationBody | None" = None
    final_result: "FinalBody | None" = None


class SessionAnswer(_Wire):
    """The session's id, which is that of the prediction it becomes."""

    session_id: str


class VerdictBody(_Wire):
    """The verdict on a window. 64-bit numbers are text, as proto3-JSON has it."""

    consumer_name: str
    audio_offset_ms: str
    duration_ms: str
    label: str
    label_raw: str
    score: float
    confidence: float
    silence_pct: float
    attributes: dict[str, str]


class NotificationBody(_Wire):
    """The verdict on the stream so far is another one."""

    type: str
    message: str
    attributes: dict[str, str]


class ConsumerBody(_Wire):
    """The final result of the detector."""

    consumer_name: str
    overall_label: str
    overall_label_raw: str
    overall_score: float
    analysis_count: int
    wall_ms: str
    rtf: float
    model_version: str
    silence_pct_mean: float


class FinalBody(_Wire):
    """The end of a stream."""

    total_audio_ms: str
    per_consumer: list[ConsumerBody]


class JsonLine(WebSocketLine):
    """A line whose caller says that it is done with an empty message."""

    async def receive(self) -> Message | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The next message; None when the caller is done. Raises WebSocketDisconnect."""
        message = await super().receive()
        return None if message in ("", b"", "{}") else message


class JsonDialect:
    """StreamRequest and StreamResponse as JSON, and audio in binary messages."""

    def __init__(self) -> None:
        """For one stream: it remembers the format of binary audio."""
        self._format: AudioFrame | None = None

    def options(self, first: Message) -> StreamOptions:
        """The defaults: a session has no options. Raises InvalidRequest for another message."""
        if parsed(RequestBody, first).create_session_request is None:
            raise InvalidRequest("The first message must be a createSessionRequest")
        return StreamOptions()

    def frame(self, message: Message) -> AudioFrame:
        """The audio in a message. Raises InvalidRequest."""
        if isinstance(message, bytes):
            if self._format is None:
                raise InvalidRequest("An audioFrame must tell the format before binary audio comes")
            return replace(self._format, payload=message)
        request = parsed(RequestBody, message)
        body = request.audio_frame
        if body is None or request.create_session_request is not None:
            raise InvalidRequest("After the first message only audio may follow")
        if body.codec == 0:
            raise InvalidRequest("The frame's codec is unspecified")
        codec = Codec[CODECS[body.codec]]
        frame = AudioFrame(codec, body.sample_rate_hz, body.channels, body.payload)
        self._format = replace(frame, payload=b"")
        return frame

    def opened(self, stream: LiveStream) -> Sequence[str]:
        """The answer to the first message."""
        session = SessionAnswer(session_id=stream.id)
        return (_json(ResponseBody(create_session_response=session)),)

    def heard(self, stream: LiveStream, window: StreamWindow) -> Sequence[str]:
        """The verdict on a window and, when the verdict on the stream changed, a notification."""
        verdict = _verdict(window.segment, stream.threshold, window.running)
        answers = [_json(ResponseBody(verdict=verdict))]
        if window.changed and window.running is not None:
            answers.append(_json(ResponseBody(notification=_notification(window.running))))
        return answers

    def concluded(self, stream: LiveStream, conclusion: Conclusion) -> Sequence[str]:
        """The worst of the windows' labels and the highest of their scores."""
        analysis = conclusion.stream.analysis
        seconds = conclusion.stream.seconds
        label = words.worst_label(analysis)
        consumer = ConsumerBody(
            consumer_name=words.CONSUMER,
            overall_label=_label(label),
            overall_label_raw=label,
            overall_score=words.highest_score(analysis),
            analysis_count=0 if analysis is None else len(analysis.segments),
            wall_ms=_int64(conclusion.wall_seconds),
            rtf=conclusion.wall_seconds / seconds if seconds else 0.0,
            model_version=stream.model_id,
            silence_pct_mean=words.mean_silence_percent(analysis),
        )
        final = FinalBody(total_audio_ms=_int64(seconds), per_consumer=[consumer])
        return (_json(ResponseBody(final_result=final)),)


@router.websocket("/v1/stream")
async def stream(websocket: WebSocket) -> None:
    """One stream of one caller."""
    offered = cast(list[str], websocket.scope.get("subprotocols", []))
    await websocket.accept(SUBPROTOCOL if SUBPROTOCOL in offered else None)
    desk = Desk.of(websocket.app.state)
    line = JsonLine(websocket)
    async with closing(websocket):
        presented = presented_key(websocket.headers) or _offered_key(offered)
        if presented is None:
            presented = parsed(KeyBody, await desk.streams.patiently(line.receive()) or "").api_key
        async with desk.admitted(presented) as caller:
            await converse(line, JsonDialect(), desk.streams, caller, PROTOCOL)


def _offered_key(offered: Sequence[str]) -> str | None:
    keys = (
        name.removeprefix(KEY_SUBPROTOCOL) for name in offered if name.startswith(KEY_SUBPROTOCOL)
    )
    return next(keys, None)


def _json(body: ResponseBody) -> str:
    return body.model_dump_json(by_alias=True, exclude_none=True)


def _verdict(segment: Segment, threshold: float, running: Result | None) -> VerdictBody:
    label = words.label(segment)
    return VerdictBody(
        consumer_name=words.CONSUMER,
        audio_offset_ms=_int64(segment.start),
        duration_ms=_int64(segment.end - segment.start),
        label=_label(label),
        label_raw=label,
        score=words.score(segment),
        confidence=words.window_confidence(segment, threshold),
        silence_pct=100.0 * segment.silence,
        attributes={} if running is None else {"running_label": running.value},
    )


def _notification(running: Result) -> NotificationBody:
    kind = "INFO" if running is Result.BONAFIDE else "WARNING"
    return NotificationBody(
        type=f"NOTIFICATION_TYPE_{kind}",
        message=words.running_message(running),
        attributes={"running_label": running.value},
    )


def _label(label: str) -> str:
    return f"RESULT_LABEL_{label.upper()}"


def _int64(seconds: float) -> str:
    return str(words.milliseconds(seconds))
