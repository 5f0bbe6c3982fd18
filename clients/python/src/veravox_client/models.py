"""What the server answers about recordings.

Keys that this version does not know are ignored, so that a newer server can be asked. Fields that
other services with the same shape leave out have a default.
"""

from datetime import datetime
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, model_validator

Result = Literal["bonafide", "spoofed", "partially_spoofed"]
Status = Literal[
    "awaiting_upload", "queued", "processing", "completed", "failed", "expired", "canceled"
]
UNFINISHED: tuple[Status, ...] = ("awaiting_upload", "queued", "processing")


class Answer(BaseModel):
    """Base of everything that is answered: it cannot be changed."""

    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())


class Verdict(Answer):
    """The verdict on a whole recording.

    `score` is the probability, 0 to 1, that it is spoofed. `result` is None where nothing can be
    concluded; `reason` says why.
    """

    score: float | None
    confidence: float | None
    result: Result | None
    reason: str | None = None


class Segment(Answer):
    """A part of a recording, from `start` to `end` in seconds; not scored where `scores` is empty.

    `result` is then None and `reason` says why.
    """

    index: int
    start: float
    end: float
    scores: tuple[float, ...]
    confidence: float | None
    result: Result | None
    reason: str | None = None

    @property
    def score(self) -> float | None:
        """The probability, 0 to 1, that this part is spoofed; None where it was not scored."""
        return self.scores[0] if self.scores else None


class ChannelResult(Answer):
    """One channel of a recording whose channels were judged one by one, counted from 0."""

    channel: int
    verdict: Annotated[Verdict, Field(alias="global")]
    segments: tuple[Segment, ...]


class Prediction(Answer):
    """What an analysis concluded. Times in seconds.

    With split channels `verdict` and `segments` are those of the channel most likely spoofed.
    """

    prediction_id: str
    verdict: Annotated[Verdict, Field(alias="global")]
    segments: tuple[Segment, ...]
    model: str
    model_version: str | None = None
    processing_time: float
    audio_duration: float | None = None
    warnings: tuple[str, ...] = ()
    channels: tuple[ChannelResult, ...] = ()


class Partial(Answer):
    """What is known of a recording that is being analysed: `seconds` of it are."""

    seconds: float
    segments: int
    spoofed_segments: int


class Failure(Answer):
    """Why there is no result: `error` is a word for programs, `message` a sentence for people."""

    error: str
    message: str


class StoredPrediction(Answer):
    """A prediction as the server keeps it.

    `progress` is the share of the recording, 0 to 1, that is analysed. `result` is there once it
    is completed, `partial` while it is being analysed, `error` when it failed.
    """

    prediction_id: str
    status: Status
    progress: float
    created_at: datetime
    device: str | None = None
    partial: Partial | None = None
    error: Failure | None = None
    result: Prediction | None = None

    @model_validator(mode="before")
    @classmethod
    def _result_of(cls, data: object) -> object:
        """The server puts the result's fields beside the others."""
        if not isinstance(data, dict):
            return data
        fields = cast(dict[str, Any], data)
        return fields | {"result": fields} if fields.get("status") == "completed" else fields

    @property
    def finished(self) -> bool:
        """Whether nothing will change any more."""
        return self.status not in UNFINISHED


class PredictionPage(Answer):
    """Predictions, newest first."""

    predictions: tuple[StoredPrediction, ...]
    next_cursor: str | None = None


class StoredFile(Answer):
    """A recording that the server keeps: its `key`, and a signed address to download it from."""

    key: str
    url: Annotated[str, Field(alias="value", repr=False)]


class FilePage(Answer):
    """Recordings, newest first."""

    files: Annotated[tuple[StoredFile, ...], Field(alias="url")]
    next_cursor: str | None = None


class UploadPart(Answer):
    """One part of a large upload; `number` counts from 1, `size` is in bytes."""

    number: int
    size: int
    url: Annotated[str, Field(repr=False)]


class Upload(Answer):
    """How to upload a recording: whole to `url`, or in `parts`."""

    method: str
    url: Annotated[str | None, Field(repr=False)] = None
    headers: dict[str, str]
    expires_at: datetime
    parts: tuple[UploadPart, ...] = ()


class Announced(Answer):
    """A prediction that awaits its recording; `upload` is None once it has come."""

    prediction_id: str
    status: Status
    upload: Upload | None = None


class DeliveryAttempt(Answer):
    """One request to a receiver: what it answered, or the error that kept it from answering."""

    started_at: datetime
    seconds: float
    status_code: int | None = None
    error: str | None = None


class Delivery(Answer):
    """A webhook and its attempts, oldest first; `next_attempt_at` is None unless it is pending."""

    id: str
    prediction_id: str
    url: str
    status: str
    created_at: datetime
    next_attempt_at: datetime | None = None
    finished_at: datetime | None = None
    attempts: tuple[DeliveryAttempt, ...] = ()


class DeliveryPage(Answer):
    """Webhooks, newest first."""

    deliveries: tuple[Delivery, ...]
    next_cursor: str | None = None
