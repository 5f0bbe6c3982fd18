"""Webhooks: written with the end of a prediction, delivered by messages, listed and replayed."""

from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from veravox.db import Database, database_now
from veravox.jobs import JobQueue, Message
from veravox.predictions import FinishedPrediction
from veravox.webhooks.delivery import Delivery, DeliveryFilter, DeliveryPage
from veravox.webhooks.repository import DeliveryRepository, DueDelivery
from veravox.webhooks.secrets import SigningSecrets
from veravox.webhooks.sender import WebhookSender

LANE = "webhooks"
BATCH = 200
KEEP_LOG = timedelta(days=30)


class WebhookService:
    """The webhooks of one installation. It is told of every prediction that is finished."""

    def __init__(
        self,
        database: Database,
        jobs: JobQueue,
        repository: DeliveryRepository,
        secrets: SigningSecrets,
        sender: WebhookSender,
    ) -> None:
        """Deliveries are kept in `repository` and made with `sender` by messages in `jobs`."""
        self._database = database
        self._jobs = jobs
        self.repository = repository
        self.secrets = secrets
        self.sender = sender

    def check_url(self, url: str) -> None:
        """Raises InvalidRequest for a `webhook_url` that would never be called."""
        self.sender.check(url)

    async def finished(self, session: AsyncSession, event: FinishedPrediction) -> None:
        """As FinishedListener.finished: a delivery, for a prediction with a `webhook_url`."""
        if event.webhook_url is None:
            return
        due = await self.repository.add(
            session, event.tenant_id, event.prediction.id, event.webhook_url
        )
        await self._jobs.send(session, delivery_message(due))

    async def list(self, tenant_id: str, wanted: DeliveryFilter) -> DeliveryPage:
        """A page of the tenant's deliveries, newest first. Raises InvalidRequest for a cursor."""
        return await self.repository.list(tenant_id, wanted)

    async def list_all(self, wanted: DeliveryFilter) -> DeliveryPage:
        """A page of the deliveries of all tenants, for the operator."""
        return await self.repository.list(None, wanted)

    async def replay(self, tenant_id: str, delivery_id: str) -> Delivery:
        """Deliver once more, at once and for another 24 hours if need be. Raises NotFound."""
        async with self._database.transaction() as session:
            due = await self.repository.replay(session, tenant_id, delivery_id)
            await self._jobs.send(session, delivery_message(due))
        return await self.repository.get(tenant_id, delivery_id)

    async def owner(self, delivery_id: str) -> str:
        """The tenant that a delivery belongs to, for the operator. Raises NotFound."""
        return await self.repository.owner(delivery_id)

    async def remove_old(self) -> None:
        """Forget deliveries that ended long ago."""
        async with self._database.transaction() as session:
            before = await database_now(session) - KEEP_LOG
        await self.repository.remove_finished(before, BATCH)

    async def send_missing(self) -> None:
        """Put messages of due deliveries into the queue that should be there and are not."""
        due = await self.repository.due(BATCH)
        await self._jobs.send_missing([delivery_message(item) for item in due])


def delivery_message(due: DueDelivery) -> Message:
    """The message that says: make the next attempt of this round."""
    return Message(
        lane=LANE,
        key=f"{due.id}/{due.round}",
        arguments={"tenant_id": due.tenant_id, "delivery_id": due.id, "round": str(due.round)},
    )
