"""The one clock that all hosts share."""

from datetime import UTC, datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession


async def database_now(session: AsyncSession) -> datetime:
    """The database's time, so that hosts with wrong clocks agree on what has run out.

    SQLite has none of its own; whoever uses it runs on one host.
    """
    if session.get_bind().dialect.name == "sqlite":
        return datetime.now(UTC)
    return (await session.scalars(select(func.clock_timestamp()))).one()
