"""Predictions that wait for their recording and then for their turn.

The row is the truth: a message in the job queue only says that a row should be looked at. Every
change of state is one statement, guarded by the state before it and by the claim of whoever works
on the row, so a message that comes twice or late changes nothing. Calls that take a session are
part of the caller's transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, and_, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from veravox.analysis import Analysis, AnalysisOptions, Progress
from veravox.db import Database, database_now
from veravox.predictions.custody import Custody
from veravox.predictions.listener import FinishedListener, tell
from veravox.predictions.prediction import (
    UNFINISHED,
    UNKNOWN_CUSTODY,
    Failure,
    Prediction,
    PredictionRequest,
    Status,
)
from veravox.predictions.repository import (
    PROGRESS,
    changed,
    completed,
    contents,
    to_prediction,
)
from veravox.predictions.tables import PredictionRow
from veravox.predictions.turns import next_turn

LEASE = timedelta(seconds=20)

_OPTIONS = TypeAdapter(AnalysisOptions)


@dataclass(frozen=True, slots=True)
class Claimed:
    """The right to work on a queued prediction, the `attempt`th time, and what is to be done."""

    tenant_id: str
    prediction_id: str
    token: str
    attempt: int
    options: AnalysisOptions


@dataclass(frozen=True, slots=True)
class QueuedPrediction:
    """Where a prediction stands in the queue, for operators and for the queue itself.

    `ready_at` is when it may be worked on: the end of a claim that somebody holds, else None.
    """

    tenant_id: str
    prediction: Prediction
    plan: str
    turn: int
    attempts: int
    ready_at: datetime | None


class PredictionQueue:
    """The queued predictions of one installation."""

    def __init__(
        self,
        database: Database,
        listeners: Sequence[FinishedListener] = (),
        lease: timedelta = LEASE,
    ) -> None:
        """A claim that is not renewed for `lease` may be taken over."""
        self._database = database
        self._listeners = listeners
        self.lease = lease

    async def add(
        self,
        session: AsyncSession,
        tenant_id: str,
        prediction_id: str,
        digest: bytes,
        request: PredictionRequest,
        plan: str,
        webhook_url: str | None = None,
    ) -> Prediction:
        """A prediction that awaits its upload. Raises IntegrityError when the id is taken."""
        prediction = Prediction(
            id=prediction_id,
            status=Status.AWAITING_UPLOAD,
            created_at=await database_now(session),
            model=request.model,
            device=request.device,
            warnings=request.warnings,
            analysis=None,
            name=request.name,
            custody=Custody(origin=request.origin),
        )
        session.add(
            PredictionRow(
                tenant_id=tenant_id,
                id=prediction_id,
                created_at=prediction.created_at,
                digest=digest,
                options=_OPTIONS.dump_json(request.options).decode(),
                plan=plan,
                webhook_url=webhook_url,
                **contents(prediction),
            )
        )
        await session.flush()
        return prediction

    async def find(
        self, session: AsyncSession, tenant_id: str, prediction_id: str
    ) -> tuple[Prediction, bytes] | None:
        """A prediction that was queued or will be, and its digest."""
        row = await session.get(PredictionRow, (tenant_id, prediction_id))
        if row is None or row.options is None:
            return None
        return to_prediction(row), row.digest

    async def enqueue(
        self,
        session: AsyncSession,
        tenant_id: str,
        prediction_id: str,
        statuses: Sequence[Status] = (Status.AWAITING_UPLOAD,),
    ) -> int | None:
        """The turn of a prediction that is queued from now on; None unless it had such a status."""
        row = await session.get(PredictionRow, (tenant_id, prediction_id))
        if row is None or row.options is None or row.plan is None:
            return None
        turn = await next_turn(session, tenant_id, row.plan)
        queued = await changed(
            session,
            update(PredictionRow)
            .where(_is(tenant_id, prediction_id), PredictionRow.status.in_(statuses))
            .values(
                status=Status.QUEUED,
                turn=turn,
                attempts=0,
                progress=None,
                error=None,
                message=None,
                finished_at=None,
            ),
        )
        return turn if queued else None

    async def claim(self, tenant_id: str, prediction_id: str) -> Claimed | timedelta | None:
        """The claim on a queued prediction, the time until one may be had, or None for never."""
        token = token_hex(16)
        async with self._database.transaction() as session:
            now = await database_now(session)
            taken = (
                update(PredictionRow)
                .where(_is(tenant_id, prediction_id), _may_be_claimed(now))
                .values(
                    status=Status.PROCESSING,
                    claim=token,
                    claimed_until=now + self.lease,
                    attempts=PredictionRow.attempts + 1,
                )
            )
            claimed = await changed(session, taken)
            row = await session.get(PredictionRow, (tenant_id, prediction_id))
        if row is None or row.options is None:
            return None
        if claimed:
            options = _OPTIONS.validate_json(row.options)
            return Claimed(tenant_id, prediction_id, token, row.attempts, options)
        if row.status == Status.PROCESSING and row.claimed_until is not None:
            return max(row.claimed_until - now, timedelta(0))
        return None

    async def report(self, claimed: Claimed, progress: Progress) -> bool:
        """Tell how far the work has come and hold the claim for longer; False when it is lost."""
        async with self._database.transaction() as session:
            now = await database_now(session)
            return await changed(
                session,
                update(PredictionRow)
                .where(_is_held(claimed))
                .values(
                    claimed_until=now + self.lease,
                    progress=PROGRESS.dump_json(progress).decode(),
                ),
            )

    async def release(self, claimed: Claimed, *, counted: bool) -> None:
        """Put a prediction back into the queue; unless `counted`, as if nobody had tried."""
        attempts = claimed.attempt if counted else claimed.attempt - 1
        async with self._database.transaction() as session:
            await changed(
                session,
                update(PredictionRow)
                .where(_is_held(claimed))
                .values(status=Status.QUEUED, claim=None, claimed_until=None, attempts=attempts),
            )

    async def complete(
        self,
        session: AsyncSession,
        claimed: Claimed,
        analysis: Analysis,
        custody: Custody = UNKNOWN_CUSTODY,
    ) -> bool:
        """Finish a prediction with its result; False when the claim was lost.

        `custody` lacks the origin, which is known since the announcement.
        """
        row = await session.get(PredictionRow, (claimed.tenant_id, claimed.prediction_id))
        if row is None:
            return False
        kept = completed(to_prediction(row), analysis, custody)
        return await self._finish(
            session, claimed.tenant_id, claimed.prediction_id, _is_held(claimed), contents(kept)
        )

    async def fail(self, session: AsyncSession, claimed: Claimed, failure: Failure) -> bool:
        """Finish a prediction with the reason why there is no result; False as for complete."""
        values = {"status": Status.FAILED, "error": failure.error, "message": failure.message}
        return await self._finish(
            session, claimed.tenant_id, claimed.prediction_id, _is_held(claimed), values
        )

    async def close(
        self,
        session: AsyncSession,
        tenant_id: str,
        prediction_id: str,
        status: Status,
        failure: Failure | None = None,
    ) -> bool:
        """End a prediction without a result whoever works on it; False if it was not open."""
        open_one = and_(_is(tenant_id, prediction_id), PredictionRow.status.in_(UNFINISHED))
        values = {
            "status": status,
            "error": failure.error if failure else None,
            "message": failure.message if failure else None,
        }
        return await self._finish(session, tenant_id, prediction_id, open_one, values)

    async def remove(self, session: AsyncSession, tenant_id: str, prediction_id: str) -> bool:
        """Forget a prediction in whatever state; False when there is none."""
        return await changed(session, delete(PredictionRow).where(_is(tenant_id, prediction_id)))

    async def waiting(self, limit: int) -> Sequence[QueuedPrediction]:
        """The next predictions that should be worked on, by turn, with those being worked on."""
        return await self.list((Status.QUEUED, Status.PROCESSING), limit)

    async def list(self, statuses: Sequence[Status], limit: int) -> Sequence[QueuedPrediction]:
        """Queued predictions of all tenants with these statuses, by turn."""
        query = (
            select(PredictionRow)
            .where(PredictionRow.options.is_not(None), PredictionRow.status.in_(statuses))
            .order_by(PredictionRow.turn, PredictionRow.created_at, PredictionRow.id)
            .limit(limit)
        )
        async with self._database.transaction() as session:
            rows = (await session.scalars(query)).all()
        return [_queued(row) for row in rows]

    async def tenants_of(self, prediction_id: str) -> Sequence[str]:
        """The tenants that have such a prediction; ids are unique only within a tenant."""
        query = select(PredictionRow.tenant_id).where(
            PredictionRow.id == prediction_id, PredictionRow.options.is_not(None)
        )
        async with self._database.transaction() as session:
            return (await session.scalars(query)).all()

    async def remove_finished(self, before: datetime, limit: int) -> int:
        """Forget results of all kinds that are older; how many they were, at most `limit`."""
        old = (
            select(PredictionRow.tenant_id, PredictionRow.id)
            .where(PredictionRow.created_at < before, PredictionRow.status.not_in(UNFINISHED))
            .limit(limit)
        )
        async with self._database.transaction() as session:
            found = (await session.execute(old)).all()
            for tenant_id, prediction_id in found:
                await self.remove(session, tenant_id, prediction_id)
        return len(found)

    async def _finish(
        self,
        session: AsyncSession,
        tenant_id: str,
        prediction_id: str,
        guard: ColumnElement[bool],
        values: dict[str, Any],
    ) -> bool:
        finished_at = await database_now(session)
        statement = (
            update(PredictionRow)
            .where(guard)
            .values(**values, claim=None, claimed_until=None, finished_at=finished_at)
            .execution_options(synchronize_session=False)
        )
        if not await changed(session, statement):
            return False
        row = await session.get_one(
            PredictionRow, (tenant_id, prediction_id), populate_existing=True
        )
        await tell(self._listeners, session, tenant_id, to_prediction(row), row.webhook_url)
        return True


def _is(tenant_id: str, prediction_id: str) -> ColumnElement[bool]:
    return and_(
        PredictionRow.tenant_id == tenant_id,
        PredictionRow.id == prediction_id,
        PredictionRow.options.is_not(None),
    )


def _may_be_claimed(now: datetime) -> ColumnElement[bool]:
    return or_(
        PredictionRow.status == Status.QUEUED,
        and_(PredictionRow.status == Status.PROCESSING, PredictionRow.claimed_until <= now),
    )


def _is_held(claimed: Claimed) -> ColumnElement[bool]:
    return and_(_is(claimed.tenant_id, claimed.prediction_id), PredictionRow.claim == claimed.token)


def _queued(row: PredictionRow) -> QueuedPrediction:
    return QueuedPrediction(
        tenant_id=row.tenant_id,
        prediction=to_prediction(row),
        plan=row.plan or "",
        turn=row.turn or 0,
        attempts=row.attempts,
        ready_at=row.claimed_until,
    )
