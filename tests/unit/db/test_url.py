from pathlib import Path

import pytest

from veravox.db import database_url
from veravox.db.url import sqlite_file
from veravox.settings import InvalidSettings, load_settings


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_spelling_of_postgresql_uses_one_driver(scheme: str) -> None:
    url = database_url(load_settings(database_url=f"{scheme}://me:pw@db.example:5433/calls"))
    assert url.drivername == "postgresql+psycopg"
    assert (url.username, url.host, url.port, url.database) == ("me", "db.example", 5433, "calls")
    assert sqlite_file(url) is None


def test_the_default_is_a_sqlite_file_in_the_data_folder(tmp_path: Path) -> None:
    url = database_url(load_settings(data_dir=tmp_path))
    assert sqlite_file(url) == tmp_path / "veravox.db"


@pytest.mark.parametrize("text", ["mysql://me:hidden@db/x", "not a url:hidden", "sqlite://"])
def test_another_database_is_refused_without_repeating_the_password(text: str) -> None:
    with pytest.raises(InvalidSettings, match="database_url") as refusal:
        database_url(load_settings(database_url=text))
    assert "hidden" not in str(refusal.value)
