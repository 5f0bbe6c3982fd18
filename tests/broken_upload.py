"""An upload that a killed server broke off, made again at the next one."""

from typing import Any

from tests.file_client import announce, break_off, final, put, state
from tests.processes import free_port, serve
from veravox.settings import Settings


def upload_twice(settings: Settings, content: bytes) -> dict[str, Any]:
    """The final state of a recording whose first upload ended, half sent, with the server."""
    port = free_port()
    with serve(settings, port=port) as server, server.client() as client:
        created = announce(client, size=len(content))
        break_off(created, content, at_half=server.kill)
    with serve(settings, server.key, port) as server, server.client() as client:
        assert state(client, created["prediction_id"])["status"] == "awaiting_upload"
        assert put(created, content).status_code == 200
        return final(client, created["prediction_id"])
