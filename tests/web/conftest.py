"""One server for all tests of the dashboard, and the people of two tenants."""

from collections.abc import Iterator

import httpx
import pytest

from tests.http_factory import Server, serving, settings_for
from tests.web_factory import Person, browser, signed_in
from veravox.users import Role


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(settings_for(tmp_path_factory.mktemp("server"))) as server:
        yield server


@pytest.fixture
def stranger(server: Server) -> Iterator[httpx.Client]:
    """A browser in which nobody is signed in."""
    with browser(server) as client:
        yield client


@pytest.fixture(scope="package")
def admin(server: Server) -> Iterator[Person]:
    person = signed_in(server, "ada")
    yield person
    person.client.close()


@pytest.fixture(scope="package")
def member(server: Server) -> Iterator[Person]:
    """A member of the administrator's tenant."""
    person = signed_in(server, "mo", role=Role.MEMBER)
    yield person
    person.client.close()


@pytest.fixture(scope="package")
def outsider(server: Server) -> Iterator[Person]:
    """An administrator of another tenant."""
    person = signed_in(server, "otto", "other")
    yield person
    person.client.close()
