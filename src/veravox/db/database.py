"""The engine and the transactions over it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import URL, Engine, event, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from veravox.db.url import sqlite_file

SQLITE_BUSY_SECONDS = 10
CONNECT_SECONDS = 5

_SQLITE_TIMEOUT = {"timeout": SQLITE_BUSY_SECONDS}


class Database:
    """The application's database. One instance for each process; close() when done."""

    def __init__(self, url: URL) -> None:
        """`url` as database_url() gives it. Nothing is opened before the first use."""
        file = sqlite_file(url)
        timeout = {"connect_timeout": CONNECT_SECONDS} if file is None else _SQLITE_TIMEOUT
        self._engine = create_async_engine(url, connect_args=timeout, pool_pre_ping=file is None)
        self._sessions = async_sessionmaker(self._engine, expire_on_commit=False)
        if file is not None:
            event.listen(self._engine.sync_engine, "connect", _prepare_sqlite)
            _watch_file(self._engine.sync_engine, file)

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[AsyncSession]:
        """A session that commits once, at the end of the block, or rolls back when it raises."""
        async with self._sessions.begin() as session:
            yield session

    async def check(self) -> None:
        """Ask the database for its schema's version. Raises SQLAlchemyError when it says none."""
        async with self._engine.connect() as connection:
            await connection.execute(text("SELECT version_num FROM alembic_version"))

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()


def _prepare_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.close()


def _watch_file(engine: Engine, path: Path) -> None:
    """Replace connections to a file that is not the one at `path` any more.

    They would go on working, on a file that nobody will find again.
    """

    def remember(_connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
        entry.info["file"] = _identity(path)

    def compare(
        _connection: DBAPIConnection, entry: ConnectionPoolEntry, _proxy: PoolProxiedConnection
    ) -> None:
        if entry.info["file"] != _identity(path):
            raise DisconnectionError(f"{path.name} was replaced")

    event.listen(engine, "connect", remember)
    event.listen(engine, "checkout", compare)


def _identity(path: Path) -> tuple[int, int] | None:
    """Device and inode, None for no file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
