from aurigin.media.v1.audio_frame_pb2 import AudioFrame
from google.protobuf.message import Message
from twilio.tme.extensions.common.v1.audio_buffer_pb2 import AudioBuffer

TAIL_STRATEGY_UNSPECIFIED: int
TAIL_STRATEGY_DROP: int
TAIL_STRATEGY_EXTEND: int
TAIL_STRATEGY_RECOMPUTE: int
VAD_MODE_UNSPECIFIED: int
VAD_MODE_ON: int
VAD_MODE_OFF: int

class DetectionConfig(Message):
    analysis_interval_s: float
    model_version: str
    vad_mode: int
    vad_silence_threshold_pct: float
    tail_strategy: int
    min_analysis_duration_s: float

class CreateSessionRequest(Message):
    config: DetectionConfig

class DetectDeepfakeRequest(Message):
    create_session_request: CreateSessionRequest
    audio: AudioBuffer
    audio_frame: AudioFrame

class CreateSessionResponse(Message):
    def __init__(
        self, *, session_id: str = ..., model_name: str = ..., model_version: str = ...
    ) -> None: ...

class AnalysisResult(Message):
    def __init__(
        self,
        *,
        audio_offset_ms: int = ...,
        duration_ms: int = ...,
        score: float = ...,
        label: str = ...,
        confidence: float = ...,
        silence_pct: float = ...,
    ) -> None: ...

class FinalResult(Message):
    def __init__(
        self,
        *,
        total_audio_ms: int = ...,
        overall_score: float = ...,
        overall_label: str = ...,
        analysis_count: int = ...,
        wall_ms: int = ...,
        rtf: float = ...,
        model_version: str = ...,
        silence_pct_mean: float = ...,
    ) -> None: ...

class DetectDeepfakeResponse(Message):
    def __init__(
        self,
        *,
        create_session_response: CreateSessionResponse | None = ...,
        analysis_result: AnalysisResult | None = ...,
        final_result: FinalResult | None = ...,
    ) -> None: ...
