"""What a report says. Everything here is signed; every name is part of the format.

Times are UTC, durations seconds, shares and probabilities 0 to 1, LLRs natural logarithms with
positive for spoof. Numbers are rounded once, when a report is composed.
"""

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from veravox.detection.verdict import Reason, Result

FORMAT: Literal["veravox-report/1"] = "veravox-report/1"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FileBody(_Frozen):
    """The bytes that were received. `name` is what the sender called them."""

    name: str | None
    size: int
    sha256: str
    sha512: str


class TagBody(_Frozen):
    """A piece of metadata in the container, such as the program that wrote it."""

    name: str
    value: str


class ContainerBody(_Frozen):
    """The container and its audio stream.

    `duration`, `sample_rate` (Hz), `channels` and `codec` are those of the audio that was decoded;
    the rest is what the file says of itself.
    """

    container: str
    format: str
    codec: str
    sample_rate: int
    channels: int
    duration: float
    stated_duration: float | None
    bit_rate: int | None
    sample_format: str
    layout: str
    streams: list[str]
    tags: list[TagBody]


class QualityBody(_Frozen):
    """What was measured on the audio, and in `limits` what the model needs at least."""

    net_speech: float
    snr_db: float | None
    bandwidth_hz: float
    level_dbfs: float
    clipping_ratio: float
    limits: dict[str, float]


class PosteriorBody(_Frozen):
    """The probability of synthesis where the one beforehand is `prior`."""

    prior: float
    spoof_probability: float


class VerdictBody(_Frozen):
    """The conclusion, in numbers and in words; `result` is null exactly when `reason` is set."""

    result: Result | None
    reason: Reason | None
    spoof_llr: float | None
    spoof_probability: float | None
    threshold: float
    headline: str
    explanation: list[str]
    posteriors: list[PosteriorBody]


class SegmentBody(_Frozen):
    """One window; not scored where `spoof_llr` is null."""

    index: int
    start: float
    end: float
    silence: float
    spoof_llr: float | None
    spoof_probability: float | None
    result: Result | None
    reason: Reason | None


class ChannelBody(_Frozen):
    """One channel of a recording whose channels were judged apart; counted from 0."""

    channel: int
    result: Result | None
    reason: Reason | None
    spoof_llr: float | None
    segments: list[SegmentBody]


class TestBody(_Frozen):
    """How the model did in one test of its card, at its own threshold; null where not stated."""

    title: str
    command: str
    n_bonafide: int | None
    n_spoof: int | None
    eer: float | None
    bpcer: float | None
    apcer: float | None
    cllr: float | None


class ModelBody(_Frozen):
    """The model and its calibration, by name and by SHA-256.

    `calibration_sha256` covers all that turns the network's output into a verdict.
    """

    id: str
    requested_as: str
    created: date
    description: str
    weights_sha256: str
    card_sha256: str
    calibration_id: str
    calibration_sha256: str
    threshold: float
    indecision_band: tuple[float, float]
    training_data_sha256: str
    training_data: str
    speech_activity_sha256: str
    tests: list[TestBody]


class CustodyBody(_Frozen):
    """The way of the recording, as far as this installation saw it.

    `key_id` names the API key that sent it, never the key itself. `audio_kept_until` is when the
    audio was to be deleted, null where it never was in this installation's keeping.
    """

    tenant_id: str | None
    key_id: str | None
    call: str | None
    received_at: datetime
    analysis_started_at: datetime
    analysis_seconds: float
    audio_kept_until: datetime | None
    software: dict[str, str]


class Report(_Frozen):
    """A whole report."""

    format: Literal["veravox-report/1"]
    prediction_id: str
    composed_by: str
    verdict: VerdictBody
    file: FileBody
    container: ContainerBody
    quality: QualityBody
    silence_threshold: float
    segments: list[SegmentBody]
    channels: list[ChannelBody]
    warnings: list[str]
    model: ModelBody
    custody: CustodyBody
    limits: list[str]
