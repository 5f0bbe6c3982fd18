"""The audit log against a real database."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from veravox.audit import Action, AuditLog, BrokenChain
from veravox.audit.log import append
from veravox.db import Database, upgrade
from veravox.db.url import sqlite_url

pytestmark = pytest.mark.anyio

GUARDS = ("UPDATE", "DELETE")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    url = sqlite_url(tmp_path / "test.db")
    upgrade(url)
    database = Database(url)
    for number in range(3):
        async with database.transaction() as session:
            await append(session, "tenant", Action.VERIFY, "key_1", f"accept {number}", "subject")
    yield database
    await database.close()


async def test_entries_follow_from_each_other(database: Database) -> None:
    assert await AuditLog(database).check("tenant") == 3
    assert [e.sequence for e in await AuditLog(database).entries("tenant")] == [1, 2, 3]


async def test_every_tenant_has_a_chain_of_its_own(database: Database) -> None:
    async with database.transaction() as session:
        await append(session, "other", Action.LIST, "key_2", "0 listed")
    assert await AuditLog(database).check("other") == 1
    assert await AuditLog(database).check("nobody") == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entries SET outcome = 'reject' WHERE sequence = 2",
        "DELETE FROM audit_entries WHERE sequence = 3",
    ],
)
async def test_the_database_refuses_to_change_entries(
    database: Database, tmp_path: Path, statement: str
) -> None:
    connection = sqlite3.connect(tmp_path / "test.db")
    with pytest.raises(sqlite3.IntegrityError, match="cannot be changed"):
        connection.execute(statement)
    connection.close()
    assert await AuditLog(database).check("tenant") == 3


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entries SET outcome = 'reject' WHERE sequence = 2",
        "UPDATE audit_entries SET actor = 'key_9' WHERE sequence = 1",
        "DELETE FROM audit_entries WHERE sequence = 2",
        "UPDATE audit_entries SET sequence = 9 WHERE sequence = 2",
    ],
)
async def test_who_removes_the_guard_and_tampers_is_found_out(
    database: Database, tmp_path: Path, statement: str
) -> None:
    connection = sqlite3.connect(tmp_path / "test.db")
    for verb in GUARDS:
        connection.execute(f"DROP TRIGGER audit_entries_no_{verb}")
    connection.execute(statement)
    connection.commit()
    connection.close()
    with pytest.raises(BrokenChain, match="entry"):
        await AuditLog(database).check("tenant")
