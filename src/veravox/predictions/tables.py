"""The table of predictions."""

from datetime import datetime

from sqlalchemy import JSON, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from veravox.db import Base, UtcDateTime


class PredictionRow(Base):
    """One prediction of one tenant.

    `digest` is the SHA-256 of the recording and its parameters, `analysis` the analysis as JSON.
    While a prediction is processed, `claim` names the call that processes it, until
    `claimed_until`; after that moment another call may take it over.
    """

    __tablename__ = "predictions"
    __table_args__ = (
        Index("ix_predictions_tenant_id_created_at_id", "tenant_id", "created_at", "id"),
    )

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    status: Mapped[str] = mapped_column(String(20))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    model: Mapped[str] = mapped_column(String(64))
    device: Mapped[str | None] = mapped_column(String(20))
    warnings: Mapped[list[str]] = mapped_column(JSON)
    result: Mapped[str | None] = mapped_column(String(20))
    analysis: Mapped[str | None] = mapped_column(Text)
    claim: Mapped[str | None] = mapped_column(String(32))
    claimed_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
