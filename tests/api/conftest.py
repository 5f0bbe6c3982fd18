"""One server for all tests of the API, with a tiny model that calls noise a spoof."""

from collections.abc import Iterator

import httpx
import pytest

from tests.http_factory import Server, serving, settings_for


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(settings_for(tmp_path_factory.mktemp("server"))) as server:
        yield server


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    """A client of a tenant of its own."""
    with server.client() as client:
        yield client
