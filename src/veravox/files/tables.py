"""The table of uploaded recordings."""

from datetime import datetime

from sqlalchemy import BigInteger, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from veravox.db import Base, UtcDateTime


class FileRow(Base):
    """One recording; see StoredFile. `looked_at` is when the storage was last asked for it.

    Once it is `deleted_at`, the row stays while an upload may still be under way, to delete what
    that leaves.
    """

    __tablename__ = "files"
    __table_args__ = (
        Index("ix_files_tenant_id_prediction_id", "tenant_id", "prediction_id"),
        Index("ix_files_delete_at", "delete_at"),
        Index("ix_files_arrived_at_looked_at", "arrived_at", "looked_at"),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    tenant_id: Mapped[str] = mapped_column(String(40))
    prediction_id: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(255))
    size: Mapped[int | None] = mapped_column(BigInteger)
    content_type: Mapped[str | None] = mapped_column(String(127))
    upload_id: Mapped[str | None] = mapped_column(String(1024))
    part_size: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    arrived_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    looked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    delete_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
