"""One server for all tests of the client, with a tiny model that calls noise a spoof."""

from collections.abc import Iterator

import pytest

from tests.client.scripted import Scripted, scripted
from tests.http_factory import Server, serving, settings_for
from veravox_client import Client, Retries

QUICK = Retries(attempts=4, first_delay=0.01, longest_delay=0.05)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(settings_for(tmp_path_factory.mktemp("server"))) as server:
        yield server


@pytest.fixture
def key(server: Server) -> str:
    """A key of a tenant of its own."""
    return server.key()


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    """A client of a tenant of its own."""
    with Client(server.url, server.key(), retries=QUICK) as client:
        yield client


@pytest.fixture
def script() -> Iterator[Scripted]:
    with scripted() as script:
        yield script
