"""The audit log of each tenant.

Entry n carries SHA-256(digest of entry n - 1, then the fields of entry n as a JSON array), so that
an entry which was changed, removed or put in between breaks the chain. Subjects appear as
pseudonyms; nothing biometric is in an entry.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from veravox.audit.tables import AuditRow
from veravox.db import Database

FIRST = bytes(32)


class Action(StrEnum):
    """What was done."""

    ENROL = "voiceprint.enrol"
    READ = "voiceprint.read"
    LIST = "voiceprint.list"
    VERIFY = "voiceprint.verify"
    IDENTIFY = "voiceprint.identify"
    ERASE = "voiceprint.erase"
    ERASE_ALL = "voiceprint.erase_all"


class BrokenChain(Exception):
    """An entry does not follow from the one before; the message gives its number."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """`actor`: id of the API key that did it. `subject`: a pseudonym, None for the whole tenant.

    `outcome`: a few words such as a decision.
    """

    tenant_id: str
    sequence: int
    at: datetime
    action: Action
    subject: str | None
    actor: str
    outcome: str
    digest: bytes


class AuditLog:
    """Reading and checking the log; entries are written by `append`, with what they tell of."""

    def __init__(self, database: Database) -> None:
        """Reads from `database`."""
        self._database = database

    async def entries(self, tenant_id: str) -> list[AuditEntry]:
        """All entries of a tenant, oldest first."""
        query = select(AuditRow).where(AuditRow.tenant_id == tenant_id).order_by(AuditRow.sequence)
        async with self._database.transaction() as session:
            return [_entry(row) for row in await session.scalars(query)]

    async def check(self, tenant_id: str) -> int:
        """The number of entries of a tenant. Raises BrokenChain where they were tampered with."""
        entries = await self.entries(tenant_id)
        check_chain(entries)
        return len(entries)


async def append(
    session: AsyncSession,
    tenant_id: str,
    action: Action,
    actor: str,
    outcome: str,
    subject: str | None = None,
) -> AuditEntry:
    """Add an entry in the transaction of `session`.

    Two at once take the same number, of which the database refuses one with IntegrityError.
    """
    query = (
        select(AuditRow)
        .where(AuditRow.tenant_id == tenant_id)
        .order_by(AuditRow.sequence.desc())
        .limit(1)
    )
    last = await session.scalar(query)
    row = AuditRow(
        tenant_id=tenant_id,
        sequence=1 if last is None else last.sequence + 1,
        at=datetime.now(UTC),
        action=action,
        subject=subject,
        actor=actor,
        outcome=outcome,
    )
    row.digest = _digest(FIRST if last is None else last.digest, row)
    session.add(row)
    return _entry(row)


def check_chain(entries: Sequence[AuditEntry]) -> None:
    """Raises BrokenChain unless the entries, from the first on, follow from each other."""
    previous = FIRST
    for number, entry in enumerate(entries, start=1):
        if entry.sequence != number or entry.digest != _digest(previous, entry):
            raise BrokenChain(f"entry {number} does not follow from the one before")
        previous = entry.digest


def _digest(previous: bytes, entry: AuditRow | AuditEntry) -> bytes:
    fields = (
        entry.tenant_id,
        entry.sequence,
        entry.at.astimezone(UTC).isoformat(),
        entry.action,
        entry.subject,
        entry.actor,
        entry.outcome,
    )
    return hashlib.sha256(previous + json.dumps(fields).encode()).digest()


def _entry(row: AuditRow) -> AuditEntry:
    return AuditEntry(
        tenant_id=row.tenant_id,
        sequence=row.sequence,
        at=row.at,
        action=Action(row.action),
        subject=row.subject,
        actor=row.actor,
        outcome=row.outcome,
        digest=row.digest,
    )
