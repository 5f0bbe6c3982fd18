import asyncio
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError, StatementError

from veravox.accounts.tables import ApiKeyRow
from veravox.db import Database, upgrade
from veravox.db.url import parse_url, sqlite_url

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def database(tmp_path: Path):
    url = sqlite_url(tmp_path / "veravox.db")
    upgrade(url)
    database = Database(url)
    yield database
    await database.close()


def row(name: str, created_at: datetime) -> ApiKeyRow:
    return ApiKeyRow(
        id=name,
        tenant_id="tenant",
        name=name,
        prefix=name,
        digest=b"0" * 32,
        plan="free",
        scopes=["read"],
        created_at=created_at,
    )


async def count(database: Database) -> int:
    async with database.transaction() as session:
        return (await session.execute(text("SELECT count(*) FROM api_keys"))).scalar_one()


async def test_a_transaction_commits_at_its_end_and_rolls_back_when_it_raises(
    database: Database,
) -> None:
    async with database.transaction() as session:
        session.add(row("kept", datetime.now(UTC)))

    async def fail_after_inserting() -> None:
        async with database.transaction() as session:
            session.add(row("lost", datetime.now(UTC)))
            await session.flush()
            raise ValueError("after the insert")

    with pytest.raises(ValueError, match="after the insert"):
        await fail_after_inserting()
    assert await count(database) == 1


async def test_times_come_back_as_the_same_moment_in_utc(database: Database) -> None:
    moment = datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    async with database.transaction() as session:
        session.add(row("k", moment))
    async with database.transaction() as session:
        stored = await session.get_one(ApiKeyRow, "k")
    assert stored.created_at == moment
    assert stored.created_at.tzinfo is UTC


async def test_a_time_without_a_zone_is_refused(database: Database) -> None:
    with pytest.raises(StatementError, match="time zone"):
        async with database.transaction() as session:
            session.add(row("k", datetime(2026, 3, 1)))


async def test_writers_wait_for_each_other_instead_of_failing(database: Database) -> None:
    async def write(number: int) -> None:
        async with database.transaction() as session:
            session.add(row(f"k{number}", datetime.now(UTC)))

    await asyncio.gather(*(write(number) for number in range(30)))
    assert await count(database) == 30


async def test_check_passes_when_the_database_answers(database: Database) -> None:
    await database.check()


async def test_check_raises_when_the_database_cannot_be_reached() -> None:
    database = Database(parse_url("postgresql://127.0.0.1:1/veravox"))
    with pytest.raises(SQLAlchemyError):
        await database.check()
    await database.close()


async def test_a_file_that_was_replaced_is_not_used_any_more(
    database: Database, tmp_path: Path
) -> None:
    await database.check()
    (tmp_path / "veravox.db").rename(tmp_path / "elsewhere.db")
    with pytest.raises(SQLAlchemyError):
        await database.check()
    (tmp_path / "veravox.db").unlink()
    (tmp_path / "elsewhere.db").rename(tmp_path / "veravox.db")
    await database.check()
