"""aurigin.client.v1.AudioVerification over gRPC."""

import io
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import BinaryIO

import grpc
from aurigin.client.v1 import audio_verification_pb2 as pb
from aurigin.common.v1 import result_pb2 as common
from google.protobuf.empty_pb2 import Empty
from google.protobuf.unknown_fields import UnknownFieldSet

from veravox.analysis import Analysis, AnalysisOptions
from veravox.audio.frames import AudioFrame
from veravox.detection.verdict import Result, Segment
from veravox.errors import InvalidRequest, PayloadTooLarge
from veravox.predictions import Origin, PredictionRequest
from veravox.settings import MEBIBYTE
from veravox.stream_analysis import StreamOptions, StreamWindow
from veravox.streaming import words
from veravox.streaming.audio_frames import codec, from_frame
from veravox.streaming.desk import Desk
from veravox.streaming.grpc_calls import Context, admitted, converse_over, errors_told
from veravox.streaming.raw_audio import as_recording
from veravox.streams import Caller, Conclusion, LiveStream

SERVICE = "aurigin.client.v1.AudioVerification"
LARGEST_INLINE = 10 * MEBIBYTE
MODEL = "stable-latest"

LABELS: Mapping[str, int] = {
    words.BONAFIDE: common.RESULT_LABEL_BONAFIDE,
    words.SPOOFED: common.RESULT_LABEL_SPOOFED,
    words.PARTIALLY_SPOOFED: common.RESULT_LABEL_PARTIALLY_SPOOFED,
    words.SILENCE: common.RESULT_LABEL_SILENCE,
    words.ERROR: common.RESULT_LABEL_ERROR,
    words.UNKNOWN: common.RESULT_LABEL_UNKNOWN,
}
_SOURCES = frozenset(
    (pb.VerifyRequest.INLINE_AUDIO_FIELD_NUMBER, pb.VerifyRequest.BLOB_URI_FIELD_NUMBER)
)


class AudioVerificationDialect:
    """StreamRequest and StreamResponse."""

    def options(self, first: pb.StreamRequest) -> StreamOptions:
        """The defaults: a session has no options. Raises InvalidRequest for another message."""
        if first.WhichOneof("request") != "create_session_request":
            raise InvalidRequest("The first message must be a CreateSessionRequest")
        return StreamOptions()

    def frame(self, message: pb.StreamRequest) -> AudioFrame:
        """The audio of an AudioFrame. Raises InvalidRequest."""
        if message.WhichOneof("request") != "audio_frame":
            raise InvalidRequest("After the first message only audio may follow")
        return from_frame(message.audio_frame)

    def opened(self, stream: LiveStream) -> Sequence[pb.StreamResponse]:
        """The session's id, which is that of the prediction it becomes."""
        session = pb.CreateSessionResponse(session_id=stream.id)
        return (pb.StreamResponse(create_session_response=session),)

    def heard(self, stream: LiveStream, window: StreamWindow) -> Sequence[pb.StreamResponse]:
        """The verdict on a window and, when the verdict on the stream changed, a notification."""
        verdict = _verdict(window.segment, stream.threshold)
        if window.running is not None:
            verdict.attributes["running_label"] = window.running.value
        answers = [pb.StreamResponse(verdict=verdict)]
        if window.changed and window.running is not None:
            answers.append(pb.StreamResponse(notification=_notification(window.running)))
        return answers

    def concluded(self, stream: LiveStream, conclusion: Conclusion) -> Sequence[pb.StreamResponse]:
        """The worst of the windows' labels and the highest of their scores."""
        final = _final(
            conclusion.stream.analysis,
            stream.model_id,
            conclusion.stream.seconds,
            conclusion.wall_seconds,
        )
        return (pb.StreamResponse(final_result=final),)


def handlers(desk: Desk) -> grpc.GenericRpcHandler:
    """The service's methods, for a server."""
    dialect = AudioVerificationDialect()

    async def stream(_: object, context: Context) -> None:
        await converse_over(context, desk, dialect)

    async def verify(request: bytes, context: Context) -> pb.VerifyResponse:
        async with errors_told(context), admitted(context, desk) as caller:
            return await _verify(desk, caller, request)

    return grpc.method_handlers_generic_handler(
        SERVICE,
        {
            "Stream": grpc.stream_stream_rpc_method_handler(
                stream,
                request_deserializer=pb.StreamRequest.FromString,
                response_serializer=pb.StreamResponse.SerializeToString,
            ),
            "Verify": grpc.unary_unary_rpc_method_handler(
                verify, response_serializer=pb.VerifyResponse.SerializeToString
            ),
        },
    )


async def _verify(desk: Desk, caller: Caller, body: bytes) -> pb.VerifyResponse:
    request = pb.VerifyRequest.FromString(body)
    if len(_sources(body)) != 1:
        raise InvalidRequest("Exactly one of inline_audio and blob_uri must be set")
    origin = Origin(f"gRPC {SERVICE}/Verify", caller.key_id)
    async with _recording(desk, request) as media:
        prediction = await desk.predictions.predict(
            caller.tenant_id, media, PredictionRequest(AnalysisOptions(), MODEL, origin=origin)
        )
    analysis = prediction.completed
    return pb.VerifyResponse(
        request_id=prediction.id,
        final_result=_final(
            analysis, analysis.model_id, analysis.duration, analysis.processing_time
        ),
        per_window=[_verdict(segment, analysis.threshold) for segment in analysis.segments],
    )


def _sources(body: bytes) -> set[int]:
    """Which sources a serialised VerifyRequest names; a parsed one remembers only the last."""
    fields = UnknownFieldSet(Empty.FromString(body))
    return {field.field_number for field in fields} & _SOURCES


@asynccontextmanager
async def _recording(desk: Desk, request: pb.VerifyRequest) -> AsyncGenerator[BinaryIO]:
    """Raises InvalidRequest, PayloadTooLarge."""
    if request.WhichOneof("source") == "inline_audio":
        audio = request.inline_audio
        if not audio:
            raise InvalidRequest("inline_audio is empty")
        if len(audio) > LARGEST_INLINE:
            raise PayloadTooLarge(LARGEST_INLINE)
        hint = codec(request.codec_hint) if request.codec_hint else None
        yield io.BytesIO(as_recording(audio, hint))
        return
    if not request.blob_uri.startswith("https://"):
        raise InvalidRequest("blob_uri must be an https address")
    if desk.fetcher is None:
        raise InvalidRequest("blob_uri is turned off on this server; send inline_audio")
    async with desk.fetcher.fetch(request.blob_uri, LARGEST_INLINE) as media:
        yield media


def _verdict(segment: Segment, threshold: float) -> pb.Verdict:
    label = words.label(segment)
    return pb.Verdict(
        consumer_name=words.CONSUMER,
        audio_offset_ms=words.milliseconds(segment.start),
        duration_ms=words.milliseconds(segment.end - segment.start),
        label=LABELS[label],
        label_raw=label,
        score=words.score(segment),
        confidence=words.window_confidence(segment, threshold),
        silence_pct=100.0 * segment.silence,
    )


def _notification(running: Result) -> pb.Notification:
    kind = (
        pb.Notification.NOTIFICATION_TYPE_INFO
        if running is Result.BONAFIDE
        else pb.Notification.NOTIFICATION_TYPE_WARNING
    )
    return pb.Notification(
        type=kind,
        message=words.running_message(running),
        attributes={"running_label": running.value},
    )


def _final(
    analysis: Analysis | None, model_id: str, seconds: float, wall_seconds: float
) -> pb.FinalResult:
    label = words.worst_label(analysis)
    consumer = pb.ConsumerFinalResult(
        consumer_name=words.CONSUMER,
        overall_label=LABELS[label],
        overall_label_raw=label,
        overall_score=words.highest_score(analysis),
        analysis_count=0 if analysis is None else len(analysis.segments),
        wall_ms=words.milliseconds(wall_seconds),
        rtf=wall_seconds / seconds if seconds else 0.0,
        model_version=model_id,
        silence_pct_mean=words.mean_silence_percent(analysis),
    )
    return pb.FinalResult(total_audio_ms=words.milliseconds(seconds), per_consumer=[consumer])
