import asyncio
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import URL, create_engine, text, update

from tests.schema import differences
from veravox.accounts import AccountService, Plan
from veravox.accounts.tables import ApiKeyRow
from veravox.db import Database, upgrade
from veravox.errors import NotFound, Unauthorized

pytestmark = pytest.mark.anyio

UPGRADE = """
import sys
from veravox.db import upgrade
from veravox.db.url import parse_url
upgrade(parse_url(sys.argv[1]))
"""


def test_the_migrations_make_exactly_the_tables_of_the_code(empty_postgresql: URL) -> None:
    upgrade(empty_postgresql)
    upgrade(empty_postgresql)
    engine = create_engine(empty_postgresql)
    with engine.connect() as connection:
        assert differences(connection) == []
    engine.dispose()


def test_processes_that_start_at_once_all_succeed(empty_postgresql: URL) -> None:
    url = empty_postgresql.render_as_string(hide_password=False)
    processes = [
        subprocess.Popen([sys.executable, "-c", UPGRADE, url], stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    errors = [process.communicate(timeout=60)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, errors


def test_a_failed_migration_leaves_nothing_behind(empty_postgresql: URL) -> None:
    engine = create_engine(empty_postgresql)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE predictions (id integer)"))
    with pytest.raises(Exception, match="already exists"):
        upgrade(empty_postgresql)
    with engine.begin() as connection:
        assert not connection.dialect.has_table(connection, "api_keys")
        connection.execute(text("DROP TABLE predictions"))
    upgrade(empty_postgresql)
    engine.dispose()


async def test_a_key_lives_from_creation_to_revocation(accounts: AccountService) -> None:
    created = await accounts.create_key("bank", Plan.ENTERPRISE, requests_per_minute=12_000)
    assert await accounts.authenticate(created.key) == created.api_key
    assert await accounts.list_keys() == [created.api_key]
    assert created.api_key.created_at.tzinfo is UTC
    await accounts.revoke_key(created.api_key.prefix)
    with pytest.raises(Unauthorized):
        await accounts.authenticate(created.key)
    with pytest.raises(NotFound):
        await accounts.revoke_key("key_none")


async def test_an_expired_key_is_refused(accounts: AccountService, database: Database) -> None:
    created = await accounts.create_key("guest", expires_in=timedelta(hours=1))
    await accounts.authenticate(created.key)
    async with database.transaction() as session:
        await session.execute(update(ApiKeyRow).values(expires_at=datetime.now(UTC)))
    with pytest.raises(Unauthorized):
        await accounts.authenticate(created.key)


async def test_many_keys_are_checked_at_once(accounts: AccountService) -> None:
    created = [await accounts.create_key(f"key {number}") for number in range(5)]
    keys = await asyncio.gather(*(accounts.authenticate(one.key) for one in created * 10))
    assert {key.id for key in keys} == {one.api_key.id for one in created}


async def test_the_development_key_is_made_once(accounts: AccountService) -> None:
    assert await accounts.ensure_development_key() is not None
    assert await accounts.ensure_development_key() is None
