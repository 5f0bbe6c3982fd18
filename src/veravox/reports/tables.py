"""The tables of reports."""

from datetime import datetime

from sqlalchemy import LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from veravox.db import Base, UtcDateTime


class ReportKeyRow(Base):
    """A public key that reports were signed under; `id` is its thumbprint. Never deleted."""

    __tablename__ = "report_keys"

    id: Mapped[str] = mapped_column(String(43), primary_key=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary(32))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ModelCardRow(Base):
    """A card that predictions were made under; `digest` is the SHA-256 of its text."""

    __tablename__ = "model_cards"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    content: Mapped[str] = mapped_column(Text)
