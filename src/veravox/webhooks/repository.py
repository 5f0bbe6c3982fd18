"""Deliveries in the database.

Calls that take a session are part of the caller's transaction; the others are one of their own.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_hex

from sqlalchemy import ColumnElement, and_, delete, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from veravox.db import Database, database_now
from veravox.errors import NotFound
from veravox.predictions.cursor import decode_cursor, encode_cursor
from veravox.predictions.repository import changed
from veravox.webhooks.delivery import (
    DELIVERED_WITHIN,
    Attempt,
    Delivery,
    DeliveryFilter,
    DeliveryPage,
    DeliveryStatus,
    wait_after,
)
from veravox.webhooks.tables import AttemptRow, DeliveryRow

LEASE = timedelta(seconds=30)
"""Longer than an attempt may take."""


@dataclass(frozen=True, slots=True)
class DueDelivery:
    """A delivery whose next attempt should be made, in its `round`."""

    id: str
    tenant_id: str
    round: int


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """The right to make the next attempt."""

    id: str
    tenant_id: str
    prediction_id: str
    url: str
    token: str


class DeliveryRepository:
    """The deliveries of one installation."""

    def __init__(self, database: Database) -> None:
        """Keeps deliveries in `database`."""
        self._database = database

    async def add(
        self, session: AsyncSession, tenant_id: str, prediction_id: str, url: str
    ) -> DueDelivery:
        """A new delivery that is due at once."""
        now = await database_now(session)
        row = DeliveryRow(
            id=f"whd_{token_hex(12)}",
            tenant_id=tenant_id,
            prediction_id=prediction_id,
            url=url,
            status=DeliveryStatus.PENDING,
            round=1,
            attempts=0,
            created_at=now,
            deadline=now + DELIVERED_WITHIN,
            next_attempt_at=now,
        )
        session.add(row)
        await session.flush()
        return _due(row)

    async def replay(self, session: AsyncSession, tenant_id: str, delivery_id: str) -> DueDelivery:
        """Make a delivery due at once, for another 24 hours. Raises NotFound."""
        now = await database_now(session)
        replayed = await changed(
            session,
            update(DeliveryRow)
            .where(DeliveryRow.tenant_id == tenant_id, DeliveryRow.id == delivery_id)
            .values(
                status=DeliveryStatus.PENDING,
                round=DeliveryRow.round + 1,
                attempts=0,
                deadline=now + DELIVERED_WITHIN,
                next_attempt_at=now,
                finished_at=None,
                claim=None,
                claimed_until=None,
            ),
        )
        if not replayed:
            raise _not_found(delivery_id)
        return _due(await session.get_one(DeliveryRow, delivery_id, populate_existing=True))

    async def claim(self, due: DueDelivery) -> ClaimedDelivery | timedelta | None:
        """The claim on the next attempt, the time until one may be had, or None for never."""
        token = token_hex(16)
        async with self._database.transaction() as session:
            now = await database_now(session)
            claimed = await changed(
                session,
                update(DeliveryRow)
                .where(DeliveryRow.id == due.id, DeliveryRow.round == due.round, _may_be_tried(now))
                .values(claim=token, claimed_until=now + LEASE),
            )
            row = await session.get(DeliveryRow, due.id)
        if row is None or row.round != due.round or row.next_attempt_at is None:
            return None
        if claimed:
            return ClaimedDelivery(row.id, row.tenant_id, row.prediction_id, row.url, token)
        return max(row.next_attempt_at, row.claimed_until or now) - now

    async def record(self, claimed: ClaimedDelivery, attempt: Attempt) -> timedelta | None:
        """Keep an attempt and what follows from it: the pause until the next, None for no next."""
        async with self._database.transaction() as session:
            session.add(_attempt_row(claimed.id, attempt))
            row = await session.scalar(select(DeliveryRow).where(_is_held(claimed)))
            if row is None:
                return None
            now = await database_now(session)
            attempts = row.attempts + 1
            wait = wait_after(attempts, random.random())
            values: dict[str, object] = {"status": DeliveryStatus.FAILED}
            if attempt.succeeded:
                values = {"status": DeliveryStatus.DELIVERED}
            elif now + wait < row.deadline:
                values = {"status": DeliveryStatus.PENDING}
            pending = values["status"] is DeliveryStatus.PENDING
            values |= {
                "attempts": attempts,
                "next_attempt_at": now + wait if pending else None,
                "finished_at": None if pending else now,
                "claim": None,
                "claimed_until": None,
            }
            kept = await changed(
                session, update(DeliveryRow).where(_is_held(claimed)).values(**values)
            )
        return wait if kept and pending else None

    async def cancel(self, claimed: ClaimedDelivery) -> None:
        """End a delivery of which there is nothing to tell any more."""
        async with self._database.transaction() as session:
            await changed(
                session,
                update(DeliveryRow)
                .where(_is_held(claimed))
                .values(
                    status=DeliveryStatus.CANCELED,
                    next_attempt_at=None,
                    finished_at=await database_now(session),
                    claim=None,
                    claimed_until=None,
                ),
            )

    async def due(self, limit: int) -> Sequence[DueDelivery]:
        """Deliveries of all tenants that should be tried now, those that wait longest first."""
        async with self._database.transaction() as session:
            now = await database_now(session)
            rows = await session.scalars(
                select(DeliveryRow)
                .where(_may_be_tried(now))
                .order_by(DeliveryRow.next_attempt_at)
                .limit(limit)
            )
            return [_due(row) for row in rows]

    async def get(self, tenant_id: str, delivery_id: str) -> Delivery:
        """The tenant's delivery with this id. Raises NotFound."""
        async with self._database.transaction() as session:
            row = await session.get(DeliveryRow, delivery_id)
            if row is None or row.tenant_id != tenant_id:
                raise _not_found(delivery_id)
            (delivery,) = await _with_attempts(session, [row])
        return delivery

    async def list(self, tenant_id: str | None, wanted: DeliveryFilter) -> DeliveryPage:
        """A page of the tenant's deliveries, of all tenants' for None, newest first.

        Raises InvalidRequest for a cursor of the caller's own making.
        """
        query = select(DeliveryRow).order_by(DeliveryRow.created_at.desc(), DeliveryRow.id.desc())
        if tenant_id is not None:
            query = query.where(DeliveryRow.tenant_id == tenant_id)
        if wanted.status is not None:
            query = query.where(DeliveryRow.status == wanted.status)
        if wanted.prediction_id is not None:
            query = query.where(DeliveryRow.prediction_id == wanted.prediction_id)
        if wanted.cursor is not None:
            position = tuple_(DeliveryRow.created_at, DeliveryRow.id)
            query = query.where(position < decode_cursor(wanted.cursor))
        async with self._database.transaction() as session:
            rows = list(await session.scalars(query.limit(wanted.limit + 1)))
            shown = rows[: wanted.limit]
            deliveries = await _with_attempts(session, shown)
        more = len(rows) > wanted.limit
        return DeliveryPage(
            deliveries=tuple(deliveries),
            next_cursor=encode_cursor(shown[-1].created_at, shown[-1].id) if more else None,
        )

    async def owner(self, delivery_id: str) -> str:
        """The tenant that a delivery belongs to. Raises NotFound."""
        async with self._database.transaction() as session:
            row = await session.get(DeliveryRow, delivery_id)
        if row is None:
            raise _not_found(delivery_id)
        return row.tenant_id

    async def remove_finished(self, before: datetime, limit: int) -> None:
        """Forget deliveries that ended earlier, at most `limit` of them, with their attempts."""
        old = select(DeliveryRow.id).where(DeliveryRow.finished_at < before).limit(limit)
        async with self._database.transaction() as session:
            found = list(await session.scalars(old))
            await session.execute(delete(DeliveryRow).where(DeliveryRow.id.in_(found)))


def _may_be_tried(now: datetime) -> ColumnElement[bool]:
    return and_(
        DeliveryRow.status == DeliveryStatus.PENDING,
        DeliveryRow.next_attempt_at <= now,
        or_(DeliveryRow.claimed_until.is_(None), DeliveryRow.claimed_until <= now),
    )


def _is_held(claimed: ClaimedDelivery) -> ColumnElement[bool]:
    return and_(DeliveryRow.id == claimed.id, DeliveryRow.claim == claimed.token)


def _due(row: DeliveryRow) -> DueDelivery:
    return DueDelivery(row.id, row.tenant_id, row.round)


def _attempt_row(delivery_id: str, attempt: Attempt) -> AttemptRow:
    return AttemptRow(
        id=f"wha_{token_hex(12)}",
        delivery_id=delivery_id,
        started_at=attempt.started_at,
        seconds=attempt.seconds,
        status_code=attempt.status_code,
        error=attempt.error,
    )


async def _with_attempts(session: AsyncSession, rows: Sequence[DeliveryRow]) -> list[Delivery]:
    attempts: dict[str, list[Attempt]] = {row.id: [] for row in rows}
    found = await session.scalars(
        select(AttemptRow)
        .where(AttemptRow.delivery_id.in_(list(attempts)))
        .order_by(AttemptRow.started_at)
    )
    for attempt in found:
        attempts[attempt.delivery_id].append(
            Attempt(attempt.started_at, attempt.seconds, attempt.status_code, attempt.error)
        )
    return [_delivery(row, attempts[row.id]) for row in rows]


def _delivery(row: DeliveryRow, attempts: Sequence[Attempt]) -> Delivery:
    return Delivery(
        id=row.id,
        tenant_id=row.tenant_id,
        prediction_id=row.prediction_id,
        url=row.url,
        status=DeliveryStatus(row.status),
        created_at=row.created_at,
        next_attempt_at=row.next_attempt_at,
        finished_at=row.finished_at,
        attempts=tuple(attempts),
    )


def _not_found(delivery_id: str) -> NotFound:
    return NotFound(f"No delivery has the id '{delivery_id}'")
