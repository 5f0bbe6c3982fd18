"""The tables of voiceprints. What they say about a person is sealed."""

from datetime import datetime

from sqlalchemy import Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from veravox.db import Base, UtcDateTime


class VoiceprintRow(Base):
    """A person. `subject` is a keyed hash of the user id; `sealed` holds the id and the consent."""

    __tablename__ = "voiceprints"

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    subject: Mapped[str] = mapped_column(String(64), primary_key=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)


class ReferenceRow(Base):
    """An enrolled recording of a person. `sealed` holds the embedding."""

    __tablename__ = "voiceprint_references"
    __table_args__ = (Index("ix_voiceprint_references_tenant_id_subject", "tenant_id", "subject"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    tenant_id: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(64))
    model_id: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
