"""A real PostgreSQL and a real Redis; `.ci/services start` prints their addresses."""

import os
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest
from sqlalchemy import URL, create_engine, text

from veravox.accounts import AccountService
from veravox.db import Database, upgrade
from veravox.db.url import parse_url
from veravox.security import KeyHasher


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def address(variable: str) -> str:
    value = os.environ.get(variable)
    if not value:
        pytest.skip(f"{variable} is not set")
    return value


@pytest.fixture
def redis_url() -> str:
    return address("VERAVOX_TEST_REDIS_URL")


@pytest.fixture
def empty_postgresql() -> Iterator[URL]:
    """A database of its own for one test."""
    server = parse_url(address("VERAVOX_TEST_DATABASE_URL"))
    name = f"test_{uuid4().hex}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        yield server.set(database=name)
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


@pytest.fixture
async def database(empty_postgresql: URL) -> AsyncIterator[Database]:
    upgrade(empty_postgresql)
    database = Database(empty_postgresql)
    yield database
    await database.close()


@pytest.fixture
def accounts(database: Database) -> AccountService:
    return AccountService(database, KeyHasher(b"a secret of this test only, 32+ bytes"))
