"""The log of webhooks."""

from veravox_client._answers import parsed
from veravox_client._flow import Flow, exchange
from veravox_client._server import Server, segment
from veravox_client.models import Delivery, DeliveryPage

DELIVERIES = "/v1/webhooks/deliveries"


def page(
    server: Server,
    status: str | None,
    prediction_id: str | None,
    cursor: str | None,
) -> Flow[DeliveryPage]:
    """Webhooks from `cursor` on."""
    params = {"limit": 100, "status": status, "prediction_id": prediction_id, "cursor": cursor}
    request = server.plain("GET", DELIVERIES, params=params)
    answer = yield from exchange(request, server.retries, idempotent=True)
    return parsed(DeliveryPage, answer)


def replay(server: Server, delivery_id: str) -> Flow[Delivery]:
    """A webhook, sent again."""
    request = server.plain("POST", f"{DELIVERIES}/{segment(delivery_id)}/replay")
    answer = yield from exchange(request, server.retries, idempotent=False)
    return parsed(Delivery, answer)
