"""Bringing a database to the newest schema.

Several processes may start at once: the first to come migrates inside one transaction, the others
wait for it and find nothing to do. SQLite serialises them by its write lock, PostgreSQL by an
advisory lock.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from veravox.db.url import sqlite_file

MIGRATIONS = Path(__file__).parent / "migrations"
LOCK_WAIT_SECONDS = 60
ADVISORY_LOCK = 0x56564F58  # "VVOX"


def upgrade(url: URL) -> None:
    """Create or upgrade all tables. Blocks; safe when several processes call it at once.

    Raises SQLAlchemyError when the database cannot be reached or changed.
    """
    file = sqlite_file(url)
    if file is None:
        engine = create_engine(url, poolclass=NullPool)
    else:
        file.parent.mkdir(parents=True, exist_ok=True)
        engine = _sqlite_engine(url)
    try:
        with engine.begin() as connection:
            _wait_for_turn(connection)
            config = Config(attributes={"connection": connection})
            config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
            command.upgrade(config, "head")
    finally:
        engine.dispose()


def _sqlite_engine(url: URL) -> Engine:
    """An engine whose transactions take SQLite's write lock first and cover DDL as well.

    Python's sqlite3 commits before DDL unless it is told to leave transactions to us:
    https://docs.sqlalchemy.org/en/20/dialects/sqlite.html#pysqlite-serializable
    """
    engine = create_engine(
        url.set(drivername="sqlite"),
        poolclass=NullPool,
        connect_args={"timeout": LOCK_WAIT_SECONDS},
    )
    event.listen(engine, "connect", _leave_transactions_to_us)
    event.listen(engine, "begin", _take_write_lock)
    return engine


def _leave_transactions_to_us(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.close()


def _take_write_lock(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _wait_for_turn(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_WAIT_SECONDS}s'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": ADVISORY_LOCK})
