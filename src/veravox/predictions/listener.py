"""Who hears that a prediction is finished, in the same transaction that finishes it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from veravox.predictions.prediction import Prediction


@dataclass(frozen=True, slots=True)
class FinishedPrediction:
    """A prediction that just reached a final state.

    `webhook_url` is the address that its caller asked to be told at, None for none.
    """

    tenant_id: str
    prediction: Prediction
    webhook_url: str | None


class FinishedListener(Protocol):
    """Something that must happen exactly when a prediction is finished."""

    async def finished(self, session: AsyncSession, event: FinishedPrediction) -> None:
        """Write what follows through `session`.

        It is kept exactly when the final state is; raising undoes both.
        """
        ...


async def tell(
    listeners: Sequence[FinishedListener],
    session: AsyncSession,
    tenant_id: str,
    prediction: Prediction,
    webhook_url: str | None = None,
) -> None:
    """Tell all `listeners` of a prediction that `session` finishes."""
    event = FinishedPrediction(tenant_id, prediction, webhook_url)
    for listener in listeners:
        await listener.finished(session, event)
