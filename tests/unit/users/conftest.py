from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from veravox.db import Database, upgrade
from veravox.db.url import sqlite_url
from veravox.security import KeyHasher
from veravox.users import UserService


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    url = sqlite_url(tmp_path / "veravox.db")
    upgrade(url)
    database = Database(url)
    yield database
    await database.close()


@pytest.fixture
def users(database: Database) -> UserService:
    return UserService(database, KeyHasher(b"a secret of this test only, 32+ bytes"))
