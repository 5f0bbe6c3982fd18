"""aurigin.deepfake_detection.v1.DeepfakeDetection over gRPC."""

from collections.abc import Mapping, Sequence

import grpc
from aurigin.deepfake_detection.v1 import deepfake_detection_pb2 as pb

from veravox.audio.frames import AudioFrame
from veravox.audio.windows import Tail
from veravox.errors import InvalidRequest
from veravox.stream_analysis import StreamOptions, StreamWindow
from veravox.streaming import words
from veravox.streaming.audio_frames import from_buffer, from_frame
from veravox.streaming.desk import Desk
from veravox.streaming.grpc_calls import Context, converse_over
from veravox.streams import Conclusion, LiveStream

SERVICE = "aurigin.deepfake_detection.v1.DeepfakeDetection"
MODEL_NAME = "veravox"

TAILS: Mapping[int, Tail] = {
    pb.TAIL_STRATEGY_UNSPECIFIED: Tail.RECOMPUTE,
    pb.TAIL_STRATEGY_DROP: Tail.DROP,
    pb.TAIL_STRATEGY_EXTEND: Tail.EXTEND,
    pb.TAIL_STRATEGY_RECOMPUTE: Tail.RECOMPUTE,
}
VAD_MODES = (pb.VAD_MODE_UNSPECIFIED, pb.VAD_MODE_ON, pb.VAD_MODE_OFF)


class DeepfakeDetectionDialect:
    """DetectDeepfakeRequest and DetectDeepfakeResponse."""

    def options(self, first: pb.DetectDeepfakeRequest) -> StreamOptions:
        """What the CreateSessionRequest asks for. Raises InvalidRequest."""
        if first.WhichOneof("request") != "create_session_request":
            raise InvalidRequest("The first message must be a CreateSessionRequest")
        return _options(first.create_session_request.config)

    def frame(self, message: pb.DetectDeepfakeRequest) -> AudioFrame:
        """The audio of an AudioFrame or AudioBuffer. Raises InvalidRequest."""
        kind = message.WhichOneof("request")
        if kind == "audio_frame":
            return from_frame(message.audio_frame)
        if kind == "audio":
            return from_buffer(message.audio)
        raise InvalidRequest("After the first message only audio may follow")

    def opened(self, stream: LiveStream) -> Sequence[pb.DetectDeepfakeResponse]:
        """The session's id, which is that of the prediction it becomes, and the model."""
        session = pb.CreateSessionResponse(
            session_id=stream.id, model_name=MODEL_NAME, model_version=stream.model_id
        )
        return (pb.DetectDeepfakeResponse(create_session_response=session),)

    def heard(
        self, stream: LiveStream, window: StreamWindow
    ) -> Sequence[pb.DetectDeepfakeResponse]:
        """The result of a window."""
        segment = window.segment
        result = pb.AnalysisResult(
            audio_offset_ms=words.milliseconds(segment.start),
            duration_ms=words.milliseconds(segment.end - segment.start),
            score=words.score(segment),
            label=words.label(segment),
            confidence=words.window_confidence(segment, stream.threshold),
            silence_pct=100.0 * segment.silence,
        )
        return (pb.DetectDeepfakeResponse(analysis_result=result),)

    def concluded(
        self,
        stream: LiveStream,
        conclusion: Conclusion,
    ) -> Sequence[pb.DetectDeepfakeResponse]:
        """The verdict on the stream, with the mean of its scores."""
        analysis = conclusion.stream.analysis
        seconds = conclusion.stream.seconds
        result = pb.FinalResult(
            total_audio_ms=words.milliseconds(seconds),
            overall_score=words.mean_score(analysis),
            overall_label=words.overall_label(analysis),
            analysis_count=0 if analysis is None else len(analysis.segments),
            wall_ms=words.milliseconds(conclusion.wall_seconds),
            rtf=conclusion.wall_seconds / seconds if seconds else 0.0,
            model_version=stream.model_id,
            silence_pct_mean=words.mean_silence_percent(analysis),
        )
        return (pb.DetectDeepfakeResponse(final_result=result),)


def handlers(desk: Desk) -> grpc.GenericRpcHandler:
    """The service's methods, for a server."""
    dialect = DeepfakeDetectionDialect()

    async def detect(_: object, context: Context) -> None:
        await converse_over(context, desk, dialect)

    method = grpc.stream_stream_rpc_method_handler(
        detect,
        request_deserializer=pb.DetectDeepfakeRequest.FromString,
        response_serializer=pb.DetectDeepfakeResponse.SerializeToString,
    )
    return grpc.method_handlers_generic_handler(SERVICE, {"DetectDeepfake": method})


def _options(config: pb.DetectionConfig) -> StreamOptions:
    """Defaults where the client set nothing. Raises InvalidRequest."""
    default = StreamOptions()
    if config.tail_strategy not in TAILS or config.vad_mode not in VAD_MODES:
        raise InvalidRequest("tail_strategy or vad_mode is unknown")
    threshold = default.silence_threshold
    if config.vad_mode == pb.VAD_MODE_OFF:
        threshold = None
    elif config.HasField("vad_silence_threshold_pct"):
        threshold = config.vad_silence_threshold_pct
    interval = default.interval
    if config.HasField("analysis_interval_s"):
        interval = config.analysis_interval_s
    minimum = min(default.minimum, interval)
    if config.HasField("min_analysis_duration_s"):
        minimum = config.min_analysis_duration_s
    return StreamOptions(
        model=config.model_version or None,
        interval=interval,
        minimum=minimum,
        silence_threshold=threshold,
        tail=TAILS[config.tail_strategy],
    )
