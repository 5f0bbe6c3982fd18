"""The engine and the transactions over it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from sqlalchemy import URL, event, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

SQLITE_BUSY_SECONDS = 10
CONNECT_SECONDS = 5


class Database:
    """The application's database. One instance for each process; close() when done."""

    def __init__(self, url: URL) -> None:
        """`url` as database_url() gives it. Nothing is opened before the first use."""
        sqlite = url.get_backend_name() == "sqlite"
        timeout = (
            {"timeout": SQLITE_BUSY_SECONDS} if sqlite else {"connect_timeout": CONNECT_SECONDS}
        )
        self._engine = create_async_engine(url, connect_args=timeout, pool_pre_ping=not sqlite)
        self._sessions = async_sessionmaker(self._engine, expire_on_commit=False)
        if sqlite:
            event.listen(self._engine.sync_engine, "connect", _prepare_sqlite)

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[AsyncSession]:
        """A session that commits once, at the end of the block, or rolls back when it raises."""
        async with self._sessions.begin() as session:
            yield session

    async def check(self) -> None:
        """Ask the database for an answer. Raises SQLAlchemyError when it gives none."""
        async with self._engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()


def _prepare_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.close()
