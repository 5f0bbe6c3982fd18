"""The public keys of an installation: the one in use and all before it."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from veravox.db import Database
from veravox.reports.tables import ReportKeyRow
from veravox.security import PublicKey


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A public key, and when this installation began to sign under it (UTC)."""

    key: PublicKey
    created_at: datetime


class KeyRing:
    """The public keys in the database, which all machines of an installation share."""

    def __init__(self, database: Database) -> None:
        """Keeps them in `database`."""
        self._database = database

    async def add(self, key: PublicKey) -> None:
        """Remember a key for ever; one that is known stays as it is."""
        try:
            async with self._database.transaction() as session:
                if await session.get(ReportKeyRow, key.id) is None:
                    now = datetime.now(UTC)
                    session.add(ReportKeyRow(id=key.id, public_key=key.raw, created_at=now))
        except IntegrityError:
            return  # Another process was faster.

    async def keys(self) -> list[KnownKey]:
        """All keys, the newest first."""
        query = select(ReportKeyRow).order_by(ReportKeyRow.created_at.desc(), ReportKeyRow.id)
        async with self._database.transaction() as session:
            rows = await session.scalars(query)
            return [KnownKey(PublicKey(row.public_key), row.created_at) for row in rows]
