"""The table of feedback."""

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from veravox.db import Base, UtcDateTime


class FeedbackRow(Base):
    """What the recording of one prediction really was; it goes with the prediction."""

    __tablename__ = "feedback"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "prediction_id"],
            ["predictions.tenant_id", "predictions.id"],
            ondelete="CASCADE",
        ),
    )

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    prediction_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    truth: Mapped[str] = mapped_column(String(20))
    note: Mapped[str] = mapped_column(String(500))
    author: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
