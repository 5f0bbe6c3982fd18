"""Where voiceprints are kept: sealed rows in the database, keys in the vault.

The tenant is the first argument of every call. Every access is told to the audit log in the same
transaction. A row whose key is shredded counts as absent.
"""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from secrets import token_hex
from typing import TypeVar

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from veravox.audit import Action, AuditEntry
from veravox.audit.log import append
from veravox.db import Database
from veravox.errors import Conflict, NotFound, Unavailable
from veravox.security import KeyHasher, KeyShredded, KeyVault, WrongKey
from veravox.voice_analysis import Enrolment
from veravox.voiceprints.sealing import (
    open_person,
    open_reference,
    seal_person,
    seal_reference,
)
from veravox.voiceprints.tables import ReferenceRow, VoiceprintRow
from veravox.voiceprints.voiceprint import Erasure, Reference, Voiceprint

MOST_REFERENCES = 10
ATTEMPTS = 5

Outcome = TypeVar("Outcome")


class VoiceprintRepository:
    """The voiceprints of one installation. Every call is a transaction of its own."""

    def __init__(self, database: Database, vault: KeyVault, hasher: KeyHasher) -> None:
        """Rows go to `database`, keys to `vault`; `hasher` makes pseudonyms of user ids."""
        self._database = database
        self._vault = vault
        self._hasher = hasher

    async def add(
        self,
        tenant_id: str,
        actor: str,
        user_id: str,
        enrolment: Enrolment,
        *,
        consent: str | None,
        replace: bool,
    ) -> None:
        """Keep one more reference of a user, the newest ten at most.

        References of other models go, and with `replace` all earlier ones. Without `consent` what
        was noted before stays. Raises Conflict when the user is erased at the same time.
        """
        subject = self._subject(tenant_id, user_id)
        key = self._vault.create(tenant_id, subject)

        async def write(session: AsyncSession) -> None:
            now = datetime.now(UTC)
            row = await session.get(VoiceprintRow, (tenant_id, subject))
            person = None if row is None else _person(key, row)
            if row is None or person is None:
                await _forget(session, tenant_id, subject)
                row = VoiceprintRow(tenant_id=tenant_id, subject=subject, created_at=now)
                session.add(row)
            noted = consent if consent or person is None else person[1]
            row.updated_at = now
            row.sealed = seal_person(key, tenant_id, subject, user_id, noted)
            model_id = enrolment.model_id
            await _make_room(session, tenant_id, subject, model_id, replace=replace)
            session.add(
                ReferenceRow(
                    id=token_hex(16),
                    tenant_id=tenant_id,
                    subject=subject,
                    model_id=model_id,
                    created_at=now,
                    sealed=seal_reference(
                        key,
                        tenant_id,
                        subject,
                        model_id,
                        enrolment.embedding,
                        enrolment.quality.net_speech,
                    ),
                )
            )
            outcome = "replaced" if replace else "added"
            await append(session, tenant_id, Action.ENROL, actor, outcome, subject)

        await self._write(write)
        if not self._is_alive(tenant_id, subject):
            await self._write(lambda session: _forget(session, tenant_id, subject))
            raise Conflict("The voiceprint was erased while it was being enrolled")

    async def get(self, tenant_id: str, actor: str, user_id: str) -> Voiceprint:
        """The voiceprint of a user. Raises NotFound."""
        subject = self._subject(tenant_id, user_id)

        async def read(session: AsyncSession) -> Voiceprint | None:
            row = await session.get(VoiceprintRow, (tenant_id, subject))
            opened = None if row is None else await self._opened(session, row)
            if opened is not None:
                await append(session, tenant_id, Action.READ, actor, "read", subject)
            return opened

        found = await self._write(read)
        if found is None:
            raise _not_found(user_id)
        return found

    async def list(self, tenant_id: str, actor: str) -> list[Voiceprint]:
        """All voiceprints of a tenant, oldest first."""

        async def read(session: AsyncSession) -> list[Voiceprint]:
            rows = await session.scalars(
                select(VoiceprintRow)
                .where(VoiceprintRow.tenant_id == tenant_id)
                .order_by(VoiceprintRow.created_at, VoiceprintRow.subject)
            )
            opened = [await self._opened(session, row) for row in rows.all()]
            found = [voiceprint for voiceprint in opened if voiceprint is not None]
            await append(session, tenant_id, Action.LIST, actor, f"{len(found)} listed")
            return found

        return await self._write(read)

    async def record(
        self, tenant_id: str, actor: str, action: Action, outcome: str, user_id: str | None
    ) -> None:
        """Tell the audit log what came of comparing a recording with voiceprints."""
        subject = None if user_id is None else self._subject(tenant_id, user_id)
        await self._write(
            lambda session: append(session, tenant_id, action, actor, outcome, subject)
        )

    async def erase(self, tenant_id: str, actor: str, user_id: str) -> Erasure:
        """Shred the user's key, then forget the rows. Raises NotFound."""
        subject = self._subject(tenant_id, user_id)
        shredded = self._vault.shred(tenant_id, subject)

        async def write(session: AsyncSession) -> AuditEntry | None:
            known = await session.get(VoiceprintRow, (tenant_id, subject))
            if known is None and not shredded:
                return None
            await _forget(session, tenant_id, subject)
            return await append(session, tenant_id, Action.ERASE, actor, "key shredded", subject)

        entry = await self._write(write)
        if entry is None:
            raise _not_found(user_id)
        return _receipt(entry, 1)

    async def erase_all(self, tenant_id: str, actor: str) -> Erasure:
        """Shred the tenant's key and all under it, then forget the rows."""
        self._vault.shred_tenant(tenant_id)

        async def write(session: AsyncSession) -> tuple[AuditEntry, int]:
            subjects = (
                await session.scalars(
                    select(VoiceprintRow.subject).where(VoiceprintRow.tenant_id == tenant_id)
                )
            ).all()
            await _forget(session, tenant_id)
            outcome = f"{len(subjects)} keys shredded"
            entry = await append(session, tenant_id, Action.ERASE_ALL, actor, outcome)
            return entry, len(subjects)

        entry, count = await self._write(write)
        return _receipt(entry, count)

    async def _opened(self, session: AsyncSession, row: VoiceprintRow) -> Voiceprint | None:
        """The row with its references, None when its key is shredded."""
        tenant_id, subject = row.tenant_id, row.subject
        try:
            key = self._vault.get(tenant_id, subject)
        except KeyShredded:
            return None
        person = _person(key, row)
        if person is None:
            return None
        user_id, consent = person
        references = await _references(session, tenant_id, subject)
        return Voiceprint(
            user_id=user_id,
            created_at=row.created_at,
            updated_at=row.updated_at,
            consent=consent,
            references=tuple(_reference(key, reference) for reference in references),
        )

    def _subject(self, tenant_id: str, user_id: str) -> str:
        """A pseudonym that only this installation can make."""
        tenant = hashlib.sha256(tenant_id.encode()).hexdigest()
        return self._hasher.digest(f"voiceprint {tenant} {user_id}").hex()

    def _is_alive(self, tenant_id: str, subject: str) -> bool:
        try:
            self._vault.get(tenant_id, subject)
        except KeyShredded:
            return False
        return True

    async def _write(self, work: Callable[[AsyncSession], Awaitable[Outcome]]) -> Outcome:
        """`work` in a transaction, tried again when another one took the same audit number."""
        for _ in range(ATTEMPTS):
            try:
                async with self._database.transaction() as session:
                    return await work(session)
            except (IntegrityError, OperationalError):
                continue
        raise Unavailable("The voiceprints are busy; try again shortly")


async def _references(
    session: AsyncSession, tenant_id: str, subject: str
) -> Sequence[ReferenceRow]:
    """The references of a person, oldest first."""
    rows = await session.scalars(
        select(ReferenceRow)
        .where(ReferenceRow.tenant_id == tenant_id, ReferenceRow.subject == subject)
        .order_by(ReferenceRow.created_at, ReferenceRow.id)
    )
    return rows.all()


async def _make_room(
    session: AsyncSession, tenant_id: str, subject: str, model_id: str, *, replace: bool
) -> None:
    """Delete the references that one more of `model_id` makes superfluous."""
    stored = await _references(session, tenant_id, subject)
    same = [] if replace else [row for row in stored if row.model_id == model_id]
    kept = same[-(MOST_REFERENCES - 1) :]
    for row in stored:
        if row not in kept:
            await session.delete(row)


async def _forget(session: AsyncSession, tenant_id: str, subject: str | None = None) -> None:
    """Delete the rows of a subject, or of all of a tenant's."""
    for table in (ReferenceRow, VoiceprintRow):
        statement = delete(table).where(table.tenant_id == tenant_id)
        if subject is not None:
            statement = statement.where(table.subject == subject)
        await session.execute(statement)


def _person(key: bytes, row: VoiceprintRow) -> tuple[str, str | None] | None:
    """User id and consent; None when the row is older than the key: a restored backup's."""
    try:
        return open_person(key, row.tenant_id, row.subject, row.sealed)
    except WrongKey:
        return None


def _reference(key: bytes, row: ReferenceRow) -> Reference:
    embedding, net_speech = open_reference(
        key, row.tenant_id, row.subject, row.model_id, row.sealed
    )
    return Reference(row.model_id, row.created_at, net_speech, embedding)


def _receipt(entry: AuditEntry, subjects: int) -> Erasure:
    return Erasure(
        receipt_id=f"erasure_{entry.digest.hex()[:24]}",
        erased_at=entry.at,
        subjects=subjects,
        entry=entry.sequence,
        digest=entry.digest,
    )


def _not_found(user_id: str) -> NotFound:
    return NotFound(f"No voiceprint is stored for the user '{user_id}'")
