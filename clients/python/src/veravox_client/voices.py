"""What the server answers about voices."""

from datetime import datetime
from typing import Literal

from veravox_client.models import Answer, Result

Decision = Literal["accept", "reject", "inconclusive"]


class Deepfake(Answer):
    """What the detector says of the recording; `score` is the spoof probability, 0 to 1."""

    checked: bool
    score: float | None = None
    result: Result | None = None
    reason: str | None = None


class VoiceQuality(Answer):
    """Whether a recording is good enough to enrol a voice; `reasons` says what it lacks."""

    net_speech_seconds: float
    snr_db: float | None = None
    clipping_ratio: float
    single_speaker: bool
    accepted: bool
    reasons: tuple[str, ...] = ()


class Enrolment(Answer):
    """An enrolled voice: `embedding` is a vector of unit length. It is biometric data."""

    embedding: tuple[float, ...]
    processing_time: float
    model_version: str
    deepfake_checked: bool = False
    deepfake: Deepfake | None = None
    quality: VoiceQuality | None = None
    user_id: str | None = None
    stored: bool = False


class Verification(Answer):
    """Whether a voice is the enrolled one, and a genuine one.

    `llr` is the natural-log likelihood ratio that one person spoke both, `threshold` the LLR from
    which a voice is accepted, and `confidence_score` the probability which is one half there.
    `similarity_score` is (cosine + 1) / 2. `deepfake_score` is None unless it is a spoof.
    """

    is_match: bool
    similarity_score: float
    confidence_score: float
    processing_time: float
    model_version: str
    deepfake_score: float | None = None
    threshold: float | None = None
    llr: float | None = None
    decision: Decision | None = None
    reason: str | None = None
    deepfake: Deepfake | None = None


class Candidate(Answer):
    """A stored voice and how it compares."""

    user_id: str
    similarity_score: float
    llr: float


class Identification(Answer):
    """Whose voice it is: `user_id` is None unless the decision is to accept."""

    user_id: str | None
    decision: Decision
    reason: str | None
    threshold: float
    candidates: tuple[Candidate, ...]
    compared: int
    processing_time: float
    model_version: str
    deepfake: Deepfake


class VoiceReference(Answer):
    """One enrolled recording of a stored voiceprint."""

    model_version: str
    created_at: datetime
    net_speech_seconds: float


class Voiceprint(Answer):
    """A stored voiceprint; `usable` tells whether the server's present model can compare it."""

    user_id: str
    created_at: datetime
    updated_at: datetime
    consent: str | None
    usable: bool
    references: tuple[VoiceReference, ...]


class VoiceprintList(Answer):
    """All stored voiceprints."""

    voiceprints: tuple[Voiceprint, ...]


class Erasure(Answer):
    """A receipt: the keys of so many people are destroyed.

    `audit_digest` is the digest of entry `audit_entry` of the server's audit log.
    """

    receipt_id: str
    erased_at: datetime
    subjects: int
    audit_entry: int
    audit_digest: str
