"""Where predictions are kept. The tenant is the first argument of every call.

An id that the caller chose is claimed before the analysis and settled after it, each in a
transaction of its own, so that none stays open while a recording is analysed. A claim runs out
unless it is renewed, so a process that dies blocks no id. Every write is one guarded statement:
whoever no longer holds the claim changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any, cast

from pydantic import TypeAdapter
from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Delete,
    Update,
    and_,
    delete,
    func,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from veravox.analysis import Analysis, Progress
from veravox.db import Database, database_now
from veravox.detection.verdict import Result
from veravox.errors import Conflict, NotFound
from veravox.predictions.cursor import decode_cursor, encode_cursor
from veravox.predictions.custody import Custody
from veravox.predictions.listener import FinishedListener, tell
from veravox.predictions.prediction import (
    UNKNOWN_CUSTODY,
    Failure,
    Prediction,
    PredictionFilter,
    PredictionPage,
    PredictionRequest,
    Status,
)
from veravox.predictions.tables import PredictionRow

CLAIM_LASTS = timedelta(seconds=60)

PROGRESS = TypeAdapter(Progress)
_ANALYSIS = TypeAdapter(Analysis)
_CUSTODY = TypeAdapter(Custody)


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to settle a prediction: who holds it, and since when the prediction exists."""

    tenant_id: str
    prediction_id: str
    token: str
    created_at: datetime


class PredictionRepository:
    """The predictions of one installation. Every call is a transaction of its own."""

    def __init__(
        self,
        database: Database,
        claim_lasts: timedelta = CLAIM_LASTS,
        listeners: Sequence[FinishedListener] = (),
    ) -> None:
        """Keeps predictions in `database`; a claim runs out after `claim_lasts`.

        Each of `listeners` hears of every prediction that is completed.
        """
        self._database = database
        self._listeners = listeners
        self.claim_lasts = claim_lasts

    async def claim(
        self, tenant_id: str, prediction_id: str, digest: bytes, request: PredictionRequest
    ) -> Claim | Prediction:
        """The claim on a free id, or the prediction that this id and digest already gave.

        Raises Conflict when the id was used with another digest or is being processed.
        """
        try:
            async with self._database.transaction() as session:
                claim = await _new_claim(session, tenant_id, prediction_id)
                row = _row(tenant_id, _started(prediction_id, claim.created_at, request), digest)
                row.claim = claim.token
                row.claimed_until = claim.created_at + self.claim_lasts
                session.add(row)
                await session.flush()
                return claim
        except IntegrityError:
            return await self._claim_used(tenant_id, prediction_id, digest)

    async def _claim_used(
        self, tenant_id: str, prediction_id: str, digest: bytes
    ) -> Claim | Prediction:
        found = _is(tenant_id, prediction_id)
        async with self._database.transaction() as session:
            row = await session.scalar(select(PredictionRow).where(found))
            claim = await _new_claim(session, tenant_id, prediction_id)
        if row is not None and (row.status == Status.COMPLETED or row.options is not None):
            if row.digest != digest:
                raise Conflict(
                    f"The prediction_id '{prediction_id}' was used before with another request"
                )
            return to_prediction(row)
        taken_over = await self._write(
            update(PredictionRow)
            .where(
                found,
                PredictionRow.options.is_(None),
                PredictionRow.status == Status.PROCESSING,
                PredictionRow.claimed_until <= claim.created_at,
            )
            .values(
                digest=digest,
                created_at=claim.created_at,
                claim=claim.token,
                claimed_until=claim.created_at + self.claim_lasts,
            )
        )
        if not taken_over:
            raise Conflict(f"The prediction '{prediction_id}' is still being processed")
        return claim

    async def renew(self, claim: Claim) -> None:
        """Hold a claim for longer."""
        async with self._database.transaction() as session:
            until = await database_now(session) + self.claim_lasts
            await session.execute(
                update(PredictionRow).where(_is_held(claim)).values(claimed_until=until)
            )

    async def release(self, claim: Claim) -> None:
        """Give the id back, as if it had never been used."""
        await self._write(delete(PredictionRow).where(_is_held(claim)))

    async def settle(
        self,
        claim: Claim,
        request: PredictionRequest,
        analysis: Analysis,
        custody: Custody = UNKNOWN_CUSTODY,
    ) -> Prediction:
        """The completed prediction, kept unless it was deleted or taken over meanwhile."""
        started = _started(claim.prediction_id, claim.created_at, request)
        prediction = completed(started, analysis, custody)
        settled = (
            update(PredictionRow)
            .where(_is_held(claim))
            .values(**contents(prediction), claim=None, claimed_until=None)
        )
        async with self._database.transaction() as session:
            if await changed(session, settled):
                await tell(self._listeners, session, claim.tenant_id, prediction)
        return prediction

    async def add(
        self,
        tenant_id: str,
        prediction_id: str,
        digest: bytes,
        request: PredictionRequest,
        analysis: Analysis,
        custody: Custody = UNKNOWN_CUSTODY,
    ) -> Prediction:
        """The completed prediction, kept under a new id."""
        async with self._database.transaction() as session:
            started = _started(prediction_id, await database_now(session), request)
            prediction = completed(started, analysis, custody)
            session.add(_row(tenant_id, prediction, digest))
            await tell(self._listeners, session, tenant_id, prediction)
        return prediction

    async def get(self, tenant_id: str, prediction_id: str) -> Prediction:
        """The tenant's prediction with this id. Raises NotFound."""
        async with self._database.transaction() as session:
            alive = _is_alive(await database_now(session))
            row = await session.scalar(
                select(PredictionRow).where(_is(tenant_id, prediction_id), alive)
            )
        if row is None:
            raise _not_found(prediction_id)
        return to_prediction(row)

    async def list(self, tenant_id: str, wanted: PredictionFilter) -> PredictionPage:
        """A page of the tenant's predictions, newest first. Raises InvalidRequest for a cursor."""
        conditions = [PredictionRow.tenant_id == tenant_id]
        if wanted.status is not None:
            conditions.append(PredictionRow.status == wanted.status)
        if wanted.result is not None:
            conditions.append(PredictionRow.result == wanted.result)
        if wanted.search:
            name, by_id = PredictionRow.name, PredictionRow.id
            found = name.icontains(wanted.search, autoescape=True)
            conditions.append(found | by_id.startswith(wanted.search, autoescape=True))
        if wanted.since is not None:
            conditions.append(PredictionRow.created_at >= wanted.since)
        if wanted.before is not None:
            conditions.append(PredictionRow.created_at < wanted.before)
        if wanted.cursor is not None:
            position = tuple_(PredictionRow.created_at, PredictionRow.id)
            conditions.append(position < decode_cursor(wanted.cursor))
        query = (
            select(PredictionRow)
            .where(*conditions)
            .order_by(PredictionRow.created_at.desc(), PredictionRow.id.desc())
            .limit(wanted.limit + 1)
        )
        async with self._database.transaction() as session:
            alive = _is_alive(await database_now(session))
            rows = (await session.scalars(query.where(alive))).all()
        return _page(rows, wanted.limit)

    async def count_by_result(self, tenant_id: str, since: datetime) -> dict[Result | None, int]:
        """How many completed predictions of a tenant since then had each result."""
        query = (
            select(PredictionRow.result, func.count())
            .where(
                PredictionRow.tenant_id == tenant_id,
                PredictionRow.status == Status.COMPLETED,
                PredictionRow.created_at >= since,
            )
            .group_by(PredictionRow.result)
        )
        async with self._database.transaction() as session:
            rows = (await session.execute(query)).all()
        return {None if result is None else Result(result): count for result, count in rows}

    async def delete(self, tenant_id: str, prediction_id: str) -> None:
        """Forget a prediction; one that is being processed is not stored. Raises NotFound."""
        async with self._database.transaction() as session:
            alive = _is_alive(await database_now(session))
            deleted = await changed(
                session, delete(PredictionRow).where(_is(tenant_id, prediction_id), alive)
            )
        if not deleted:
            raise _not_found(prediction_id)

    async def _write(self, statement: Update | Delete) -> bool:
        """Whether the statement changed a row."""
        async with self._database.transaction() as session:
            return await changed(session, statement)


async def _new_claim(session: AsyncSession, tenant_id: str, prediction_id: str) -> Claim:
    return Claim(tenant_id, prediction_id, token_hex(16), await database_now(session))


async def changed(session: AsyncSession, statement: Update | Delete) -> bool:
    """Whether the statement changed a row."""
    outcome = cast(CursorResult[Any], await session.execute(statement))
    return outcome.rowcount > 0


def _is(tenant_id: str, prediction_id: str) -> ColumnElement[bool]:
    return and_(PredictionRow.tenant_id == tenant_id, PredictionRow.id == prediction_id)


def _is_alive(now: datetime) -> ColumnElement[bool]:
    """Not a claim that ran out."""
    return or_(
        PredictionRow.status == Status.COMPLETED,
        PredictionRow.options.is_not(None),
        PredictionRow.claimed_until > now,
    )


def _is_held(claim: Claim) -> ColumnElement[bool]:
    return and_(_is(claim.tenant_id, claim.prediction_id), PredictionRow.claim == claim.token)


def _started(prediction_id: str, created_at: datetime, request: PredictionRequest) -> Prediction:
    return Prediction(
        id=prediction_id,
        status=Status.PROCESSING,
        created_at=created_at,
        model=request.model,
        device=request.device,
        warnings=request.warnings,
        analysis=None,
        name=request.name,
        custody=Custody(origin=request.origin),
    )


def completed(started: Prediction, analysis: Analysis, custody: Custody) -> Prediction:
    """The prediction with its result; its origin stays what it was at the start."""
    whole = replace(custody, origin=started.custody.origin)
    return replace(started, status=Status.COMPLETED, analysis=analysis, custody=whole)


def _row(tenant_id: str, prediction: Prediction, digest: bytes) -> PredictionRow:
    return PredictionRow(
        tenant_id=tenant_id,
        id=prediction.id,
        created_at=prediction.created_at,
        digest=digest,
        **contents(prediction),
    )


def contents(prediction: Prediction) -> dict[str, Any]:
    """The columns that change when a prediction is completed."""
    analysis = prediction.analysis
    return {
        "status": prediction.status,
        "model": prediction.model,
        "device": prediction.device,
        "name": prediction.name,
        "warnings": list(prediction.warnings),
        "result": None if analysis is None else analysis.verdict.result,
        "analysis": None if analysis is None else _ANALYSIS.dump_json(analysis).decode(),
        "custody": _CUSTODY.dump_json(prediction.custody).decode(),
    }


def to_prediction(row: PredictionRow) -> Prediction:
    """The prediction that a row holds."""
    failure = None if row.error is None else Failure(row.error, row.message or "")
    return Prediction(
        id=row.id,
        status=Status(row.status),
        created_at=row.created_at,
        model=row.model,
        device=row.device,
        warnings=tuple(row.warnings),
        analysis=None if row.analysis is None else _ANALYSIS.validate_json(row.analysis),
        progress=Progress() if row.progress is None else PROGRESS.validate_json(row.progress),
        failure=failure,
        name=row.name,
        custody=Custody() if row.custody is None else _CUSTODY.validate_json(row.custody),
    )


def _page(rows: Sequence[PredictionRow], limit: int) -> PredictionPage:
    shown = rows[:limit]
    more = len(rows) > limit
    return PredictionPage(
        predictions=tuple(to_prediction(row) for row in shown),
        next_cursor=encode_cursor(shown[-1].created_at, shown[-1].id) if more else None,
    )


def _not_found(prediction_id: str) -> NotFound:
    return NotFound(f"No prediction has the id '{prediction_id}'")
