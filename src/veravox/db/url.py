"""Which database, through which driver."""

from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from veravox.settings import InvalidSettings, Settings

SQLITE_FILE = "veravox.db"
_DRIVERS = {
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
    "sqlite": "sqlite+aiosqlite",
    "sqlite+aiosqlite": "sqlite+aiosqlite",
}


def database_url(settings: Settings) -> URL:
    """The configured database, else a SQLite file in the data folder.

    Raises InvalidSettings for a URL that is malformed or of another kind of database.
    """
    if settings.database_url is None:
        return sqlite_url(settings.data_dir / SQLITE_FILE)
    return parse_url(settings.database_url.get_secret_value())


def sqlite_url(path: Path) -> URL:
    """The SQLite database in the file `path`."""
    return URL.create("sqlite+aiosqlite", database=str(path.absolute()))


def parse_url(text: str) -> URL:
    """`text` with our driver in it. Raises InvalidSettings; the message holds no password."""
    try:
        url = make_url(text)
    except ArgumentError:
        raise InvalidSettings("database_url: not a database URL") from None
    driver = _DRIVERS.get(url.drivername)
    if driver is None:
        raise InvalidSettings(
            f"database_url: {url.drivername} is not supported; use postgresql:// or sqlite:///"
        )
    if driver.startswith("sqlite") and url.database in (None, "", ":memory:"):
        raise InvalidSettings("database_url: SQLite needs a file, as in sqlite:///veravox.db")
    return url.set(drivername=driver)


def sqlite_file(url: URL) -> Path | None:
    """The file of a SQLite database, None for any other database."""
    if url.get_backend_name() != "sqlite" or url.database is None:
        return None
    return Path(url.database)
