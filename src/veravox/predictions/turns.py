"""Whose recording comes next.

Start-time fair queueing (Goyal, Vin and Cheng, SIGCOMM 1996): every queued prediction gets a turn,
the smallest turn is served first. A tenant's turns lie STEPS of its plan apart, beginning at the
latest turn that is being served, so each tenant's next recording waits for about one recording of
each other tenant, however many those have queued, and half the step means twice the share.
"""

from collections.abc import Mapping

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from veravox.predictions.prediction import Status
from veravox.predictions.tables import PredictionRow

STEPS: Mapping[str, int] = {"free": 8, "starter": 4, "professional": 2, "enterprise": 1}
"""By plan: 1 / weight, as a multiple of the smallest."""


async def next_turn(session: AsyncSession, tenant_id: str, plan: str) -> int:
    """The turn of one more prediction of a tenant."""
    turn, status = PredictionRow.turn, PredictionRow.status
    served = await session.scalar(select(func.max(turn)).where(status == Status.PROCESSING))
    if served is None:
        served = await session.scalar(select(func.min(turn)).where(status == Status.QUEUED))
    latest = await session.scalar(
        select(func.max(turn)).where(
            status.in_((Status.QUEUED, Status.PROCESSING)), PredictionRow.tenant_id == tenant_id
        )
    )
    return max(served or 0, 0 if latest is None else latest + STEPS[plan])
