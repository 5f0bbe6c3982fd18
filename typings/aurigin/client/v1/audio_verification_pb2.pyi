from collections.abc import Iterable, Mapping, MutableMapping

from aurigin.media.v1.audio_frame_pb2 import AudioFrame
from google.protobuf.message import Message

class StreamRequest(Message):
    audio_frame: AudioFrame

class VerifyRequest(Message):
    INLINE_AUDIO_FIELD_NUMBER: int
    BLOB_URI_FIELD_NUMBER: int
    inline_audio: bytes
    blob_uri: str
    codec_hint: int

class CreateSessionResponse(Message):
    def __init__(self, *, session_id: str = ...) -> None: ...

class Verdict(Message):
    attributes: MutableMapping[str, str]
    def __init__(
        self,
        *,
        consumer_name: str = ...,
        audio_offset_ms: int = ...,
        duration_ms: int = ...,
        label: int = ...,
        label_raw: str = ...,
        score: float = ...,
        confidence: float = ...,
        silence_pct: float = ...,
    ) -> None: ...

class Notification(Message):
    NOTIFICATION_TYPE_WARNING: int
    NOTIFICATION_TYPE_INFO: int
    def __init__(
        self, *, type: int = ..., message: str = ..., attributes: Mapping[str, str] = ...
    ) -> None: ...

class ConsumerFinalResult(Message):
    def __init__(
        self,
        *,
        consumer_name: str = ...,
        overall_label: int = ...,
        overall_label_raw: str = ...,
        overall_score: float = ...,
        analysis_count: int = ...,
        wall_ms: int = ...,
        rtf: float = ...,
        model_version: str = ...,
        silence_pct_mean: float = ...,
    ) -> None: ...

class FinalResult(Message):
    def __init__(
        self, *, total_audio_ms: int = ..., per_consumer: Iterable[ConsumerFinalResult] = ...
    ) -> None: ...

class StreamResponse(Message):
    def __init__(
        self,
        *,
        create_session_response: CreateSessionResponse | None = ...,
        verdict: Verdict | None = ...,
        notification: Notification | None = ...,
        final_result: FinalResult | None = ...,
    ) -> None: ...

class VerifyResponse(Message):
    def __init__(
        self,
        *,
        request_id: str = ...,
        final_result: FinalResult | None = ...,
        per_window: Iterable[Verdict] = ...,
    ) -> None: ...
