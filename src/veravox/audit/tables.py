"""The table of audit entries."""

from datetime import datetime

from sqlalchemy import Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from veravox.db import Base, UtcDateTime


class AuditRow(Base):
    """One entry; see AuditEntry. The database refuses to change or delete rows."""

    __tablename__ = "audit_entries"

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    sequence: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    action: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str | None] = mapped_column(String(64))
    actor: Mapped[str] = mapped_column(String(40))
    outcome: Mapped[str] = mapped_column(String(100))
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
