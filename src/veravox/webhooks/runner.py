"""The job: make the next attempt of one delivery."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import structlog

from veravox.errors import NotFound
from veravox.jobs import RetryLater
from veravox.predictions import UNFINISHED, Prediction, PredictionRepository
from veravox.telemetry.metrics import WEBHOOK_ATTEMPTS
from veravox.webhooks.delivery import Attempt
from veravox.webhooks.repository import ClaimedDelivery, DeliveryRepository, DueDelivery
from veravox.webhooks.secrets import SigningSecrets
from veravox.webhooks.sender import WebhookSender

PLACES = 16
PLACES_FOR_ONE_TENANT = 4
FULL_SECONDS = 1.0

Render = Callable[[Prediction], bytes]

_log = structlog.get_logger(__name__)


class DeliveryRunner:
    """Makes the attempts that messages ask for, in one process."""

    def __init__(
        self,
        repository: DeliveryRepository,
        predictions: PredictionRepository,
        secrets: SigningSecrets,
        sender: WebhookSender,
        render: Render,
    ) -> None:
        """`render` gives the body that tells of a prediction."""
        self._repository = repository
        self._predictions = predictions
        self._secrets = secrets
        self._sender = sender
        self._render = render
        self._busy: Counter[str] = Counter()

    async def handle(self, tenant_id: str, delivery_id: str, round: str) -> None:
        """Make the next attempt, unless it is made already or belongs to an earlier round.

        Slow receivers of one tenant do not take the places of all others. Raises RetryLater when
        there is another attempt to make.
        """
        if self._busy[tenant_id] >= PLACES_FOR_ONE_TENANT:
            raise RetryLater(FULL_SECONDS)
        self._busy[tenant_id] += 1
        try:
            await self._attempt(DueDelivery(delivery_id, tenant_id, int(round)))
        finally:
            self._busy[tenant_id] -= 1

    async def _attempt(self, due: DueDelivery) -> None:
        secret = await self._secrets.get(due.tenant_id)
        claimed = await self._repository.claim(due)
        if claimed is None:
            return
        if isinstance(claimed, timedelta):
            raise RetryLater(claimed.total_seconds())
        prediction = await self._prediction(claimed)
        if prediction is None:
            await self._repository.cancel(claimed)
            return
        body = self._render(prediction)
        attempt = await self._sender.send(claimed.url, secret, claimed.id, body)
        pause = await self._repository.record(claimed, attempt)
        _tell(claimed, attempt)
        if pause is not None:
            raise RetryLater(pause.total_seconds())

    async def _prediction(self, claimed: ClaimedDelivery) -> Prediction | None:
        """What to tell of; None when it was deleted or is being redone, whose end will be told."""
        try:
            prediction = await self._predictions.get(claimed.tenant_id, claimed.prediction_id)
        except NotFound:
            return None
        return None if prediction.status in UNFINISHED else prediction


def _tell(claimed: ClaimedDelivery, attempt: Attempt) -> None:
    outcome = "delivered" if attempt.succeeded else "failed"
    WEBHOOK_ATTEMPTS.labels(outcome=outcome).inc()
    _log.info(
        "a webhook was sent",
        delivery=claimed.id,
        outcome=outcome,
        status=attempt.status_code,
        error=attempt.error,
    )
