"""What is kept of a person's voice, and what is asked for when it is enrolled."""

from dataclasses import dataclass, field
from datetime import datetime

from veravox.speaker.embedding import Embedding, mean_embedding
from veravox.voice_analysis import Enrolment


@dataclass(frozen=True, slots=True)
class Reference:
    """One enrolled recording: its embedding, by which model, and when. `net_speech` in seconds."""

    model_id: str
    created_at: datetime
    net_speech: float
    embedding: Embedding = field(repr=False)


@dataclass(frozen=True, slots=True)
class Voiceprint:
    """Everything kept of one user of a tenant. Times are UTC.

    `consent`: what the operator noted about the person's consent, and `references` the enrolled
    recordings, oldest first.
    """

    user_id: str
    created_at: datetime
    updated_at: datetime
    consent: str | None
    references: tuple[Reference, ...]

    def embedding(self, model_id: str) -> Embedding | None:
        """The mean of the references that `model_id` made, None when it made none."""
        embeddings = [r.embedding for r in self.references if r.model_id == model_id]
        return mean_embedding(embeddings) if embeddings else None


@dataclass(frozen=True, slots=True)
class WantedEnrolment:
    """How to enrol: `store` under `user_id`; `replace` what was stored before.

    `allow_spoofed` also takes audio that the detector calls spoofed.
    """

    user_id: str | None = None
    store: bool = False
    replace: bool = False
    allow_spoofed: bool = False
    consent: str | None = None


@dataclass(frozen=True, slots=True)
class Enrolled:
    """An enrolment and whether it was stored."""

    enrolment: Enrolment
    user_id: str | None
    stored: bool


@dataclass(frozen=True, slots=True)
class Erasure:
    """The receipt of an erasure.

    `subjects`: how many people's keys were destroyed. `entry` and `digest` are the number and the
    digest of the audit entry that tells of it.
    """

    receipt_id: str
    erased_at: datetime
    subjects: int
    entry: int
    digest: bytes
