"""A server that is killed while its webhooks wait."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.audio_factory import spoken_file
from tests.file_client import announce, final, put
from tests.http_factory import settings_for
from tests.processes import free_port, serve
from tests.receiver import HOST, NETWORKS, Authority, receiving, wait_until


def listed(client: httpx.Client) -> list[dict[str, Any]]:
    return client.get("/v1/webhooks/deliveries").json()["deliveries"]


def test_a_killed_server_tells_after_its_restart_what_it_had_not_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    settings = settings_for(tmp_path / "server")
    port = free_port()
    variables = {"webhook_hosts": HOST, "webhook_networks": NETWORKS}
    with serve(settings, **variables) as first, first.client() as client:
        created = announce(client, webhook_url=f"https://{HOST}:{port}/hook")
        put(created, spoken_file())
        final(client, created["prediction_id"])
        first.kill()

    with receiving(authority, port) as receiver, serve(settings, first.key, **variables) as second:
        receiver.wait_for(1)
        with second.client() as client:
            wait_until(lambda: listed(client)[0]["status"] == "delivered")
            (told,) = listed(client)

    assert told["attempts"][-1]["status_code"] == 200
    assert len(receiver.requests) == 1
