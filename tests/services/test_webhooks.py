"""Webhooks of several processes that share one PostgreSQL."""

from pathlib import Path

import httpx
import pytest

from tests.file_client import announce
from tests.processes import end, serve, start
from tests.receiver import HOST, NETWORKS, Authority, Receiver, receiving, wait_until
from veravox.settings import Settings

PREDICTIONS = 20


def undelivered(client: httpx.Client) -> list[str]:
    answer = client.get("/v1/webhooks/deliveries", params={"limit": 100})
    found = answer.json()["deliveries"]
    assert len(found) == PREDICTIONS
    return [item["id"] for item in found if item["status"] != "delivered"]


def told(receiver: Receiver) -> set[str]:
    """The deliveries that have been tried."""
    return {request.headers["X-Veravox-Delivery"] for request in receiver.requests}


def test_every_end_is_told_though_a_process_dies(
    postgresql_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    variables = {"webhook_hosts": HOST, "webhook_networks": NETWORKS}
    with (
        receiving(authority) as receiver,
        serve(postgresql_settings, **variables) as server,
        server.client() as client,
    ):
        worker = start("worker", settings=postgresql_settings, **variables)
        try:
            receiver.status = 503
            for _ in range(PREDICTIONS):
                created = announce(client, webhook_url=receiver.url())
                client.post(f"/v1/predictions/{created['prediction_id']}/cancel")
            wait_until(lambda: len(told(receiver)) == PREDICTIONS)
            receiver.status = 200
            server.kill()
            with (
                serve(postgresql_settings, server.key, **variables) as second,
                second.client() as c,
            ):
                wait_until(lambda: not undelivered(c), 90.0)
        finally:
            end(worker)

    assert len(told(receiver)) == PREDICTIONS
