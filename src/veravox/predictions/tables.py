"""The table of predictions."""

from datetime import datetime

from sqlalchemy import JSON, BigInteger, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from veravox.db import Base, UtcDateTime


class PredictionRow(Base):
    """One prediction of one tenant.

    `digest` is the SHA-256 of the recording and its parameters, `analysis` the analysis as JSON,
    `name` what the recording was called.
    While a prediction is processed, `claim` names the call that processes it, until
    `claimed_until`; after that moment another call may take it over.

    `options` (JSON) are set on predictions that wait for their turn; `turn` is their place among
    all tenants' queued ones, `plan` the plan that it follows from, `attempts` how often work on
    them began, `progress` (JSON) how far it has come. A failed one has `error` and its `message`.

    `custody` (JSON) is what is known of the recording's way.
    """

    __tablename__ = "predictions"
    __table_args__ = (
        Index("ix_predictions_tenant_id_created_at_id", "tenant_id", "created_at", "id"),
        Index("ix_predictions_status_turn", "status", "turn"),
    )

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    status: Mapped[str] = mapped_column(String(20))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    model: Mapped[str] = mapped_column(String(64))
    device: Mapped[str | None] = mapped_column(String(20))
    name: Mapped[str | None] = mapped_column(String(255))
    warnings: Mapped[list[str]] = mapped_column(JSON)
    result: Mapped[str | None] = mapped_column(String(20))
    analysis: Mapped[str | None] = mapped_column(Text)
    claim: Mapped[str | None] = mapped_column(String(32))
    claimed_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    options: Mapped[str | None] = mapped_column(Text)
    plan: Mapped[str | None] = mapped_column(String(20))
    turn: Mapped[int | None] = mapped_column(BigInteger)
    attempts: Mapped[int] = mapped_column(server_default="0")
    progress: Mapped[str | None] = mapped_column(Text)
    error: Mapped[str | None] = mapped_column(String(40))
    message: Mapped[str | None] = mapped_column(Text)
    webhook_url: Mapped[str | None] = mapped_column(Text)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    custody: Mapped[str | None] = mapped_column(Text)
