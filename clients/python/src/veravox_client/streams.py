"""Streaming: the format of the audio that is sent, and what is answered while it goes on."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from veravox_client.models import Answer

Codec = Literal["S16LE", "S16BE", "S24LE", "S32LE", "F32LE", "PCMU", "PCMA", "OPUS"]
Label = Literal["bonafide", "spoofed", "partially_spoofed", "silence", "error", "unknown"]


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """How streamed audio is coded: by default 16-bit PCM. `sample_rate` is in Hz."""

    codec: Codec = "S16LE"
    sample_rate: int = 16_000
    channels: int = 1


class StreamAnswer(Answer):
    """Base of what is answered, named as in proto3-JSON."""

    model_config = ConfigDict(alias_generator=to_camel)


class StreamStarted(StreamAnswer):
    """The stream is accepted; `session_id` is the id of the prediction it becomes."""

    session_id: str


class StreamVerdict(StreamAnswer):
    """The verdict on a window that begins at `audio_offset_ms` and lasts `duration_ms`.

    `score` is its spoof probability, 0 to 1. A window without enough speech has the label
    ``silence``. `attributes` may hold ``running_label``, the verdict on all that was heard.
    """

    audio_offset_ms: int = 0
    duration_ms: int
    label: Annotated[Label, Field(alias="labelRaw")]
    score: float = 0.0
    confidence: float = 0.0
    silence_pct: float = 0.0
    attributes: Annotated[dict[str, str], Field(default_factory=dict)]


class StreamNotification(StreamAnswer):
    """The verdict on all that was heard is another one now."""

    type: str
    message: str
    attributes: Annotated[dict[str, str], Field(default_factory=dict)]


class DetectorResult(StreamAnswer):
    """What one detector concludes of the whole stream: the worst label and the highest score.

    The label is ``unknown`` when too little was heard for a verdict.
    """

    consumer_name: str
    overall_label: Annotated[Label, Field(alias="overallLabelRaw")]
    overall_score: float = 0.0
    analysis_count: int = 0
    model_version: str = ""


class StreamResult(StreamAnswer):
    """The end of a stream, always the last answer."""

    total_audio_ms: int = 0
    per_consumer: tuple[DetectorResult, ...] = ()


StreamEvent = StreamStarted | StreamVerdict | StreamNotification | StreamResult


class StreamMessage(StreamAnswer):
    """One message of the server; exactly one field is set."""

    create_session_response: StreamStarted | None = None
    verdict: StreamVerdict | None = None
    notification: StreamNotification | None = None
    final_result: StreamResult | None = None

    @property
    def event(self) -> StreamEvent | None:
        """The field that is set; None for a kind that this version does not know."""
        return (
            self.create_session_response or self.verdict or self.notification or self.final_result
        )
