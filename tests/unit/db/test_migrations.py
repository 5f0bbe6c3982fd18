import sqlite3
import subprocess
import sys
from pathlib import Path

from sqlalchemy import create_engine

from tests.schema import differences
from veravox.db import upgrade
from veravox.db.url import sqlite_url

UPGRADE = """
import sys
from pathlib import Path
from veravox.db import upgrade
from veravox.db.url import sqlite_url
upgrade(sqlite_url(Path(sys.argv[1])))
"""


def test_the_migrations_make_exactly_the_tables_of_the_code(tmp_path: Path) -> None:
    file = tmp_path / "a folder, 100% new" / "veravox.db"
    upgrade(sqlite_url(file))
    engine = create_engine(f"sqlite:///{file}")
    with engine.connect() as connection:
        assert differences(connection) == []
    engine.dispose()


def test_upgrading_twice_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "veravox.db"
    upgrade(sqlite_url(file))
    before = schema(file)
    upgrade(sqlite_url(file))
    assert schema(file) == before


def test_processes_that_start_at_once_all_succeed(tmp_path: Path) -> None:
    file = tmp_path / "veravox.db"
    processes = [
        subprocess.Popen([sys.executable, "-c", UPGRADE, str(file)], stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    errors = [process.communicate(timeout=60)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, errors
    assert "api_keys" in str(schema(file))


def schema(file: Path) -> list[tuple]:
    connection = sqlite3.connect(file)
    rows = connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
    connection.close()
    return rows
