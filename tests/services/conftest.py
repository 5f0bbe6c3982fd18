"""A real PostgreSQL, Redis and S3; `.ci/services start` prints their addresses."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import boto3
import pytest
from sqlalchemy import URL, create_engine, text

from tests.http_factory import settings_for
from veravox.accounts import AccountService
from veravox.db import Database, upgrade
from veravox.db.url import parse_url
from veravox.security import KeyHasher
from veravox.settings import Settings
from veravox.storage.s3 import S3Place

SECRET = "a secret of these tests only, 32+ characters"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def address(variable: str) -> str:
    value = os.environ.get(variable)
    if not value:
        pytest.skip(f"{variable} is not set")
    return value


@pytest.fixture
def redis_url() -> str:
    return address("VERAVOX_TEST_REDIS_URL")


@pytest.fixture
def empty_postgresql() -> Iterator[URL]:
    """A database of its own for one test."""
    server = parse_url(address("VERAVOX_TEST_DATABASE_URL"))
    name = f"test_{uuid4().hex}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        yield server.set(database=name)
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


@pytest.fixture
async def database(empty_postgresql: URL) -> AsyncIterator[Database]:
    upgrade(empty_postgresql)
    database = Database(empty_postgresql)
    yield database
    await database.close()


@pytest.fixture
def accounts(database: Database) -> AccountService:
    return AccountService(database, KeyHasher(b"a secret of this test only, 32+ bytes"))


@pytest.fixture
def postgresql_settings(tmp_path: Path, empty_postgresql: URL) -> Settings:
    """An installation whose database is PostgreSQL and whose storage is a folder."""
    url = empty_postgresql.render_as_string(hide_password=False)
    return settings_for(tmp_path, database_url=url, secret_key=SECRET)


@pytest.fixture
def s3() -> S3Place:
    """A bucket of its own for one test."""
    endpoint = address("VERAVOX_TEST_S3_ENDPOINT")
    bucket = f"test-{uuid4().hex}"
    client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
    client.create_bucket(Bucket=bucket)
    return S3Place(bucket, "some/where", endpoint)


@pytest.fixture
def s3_settings(tmp_path: Path, empty_postgresql: URL, s3: S3Place) -> Settings:
    """An installation on PostgreSQL and S3, as several machines would share it."""
    url = empty_postgresql.render_as_string(hide_password=False)
    return settings_for(
        tmp_path,
        database_url=url,
        secret_key=SECRET,
        storage_url=f"s3://{s3.bucket}/{s3.prefix}",
        storage_endpoint=s3.endpoint,
    )
