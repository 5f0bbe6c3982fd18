"""Voiceprints and the audit log on PostgreSQL."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.voiceprint_factory import MODEL, SECRET, make_enrolment
from veravox.audit import AuditLog
from veravox.db import Database
from veravox.errors import NotFound
from veravox.security import KeyHasher, KeyVault
from veravox.voiceprints import VoiceprintRepository

pytestmark = pytest.mark.anyio


@pytest.fixture
def repository(database: Database, tmp_path: Path) -> VoiceprintRepository:
    return VoiceprintRepository(database, KeyVault(tmp_path / "keys", SECRET), KeyHasher(SECRET))


async def enrol(repository: VoiceprintRepository, user_id: str, seed: int = 1) -> None:
    await repository.add(
        "tenant", "key_1", user_id, make_enrolment(seed), consent=None, replace=False
    )


async def test_a_voice_is_kept_found_and_erased(repository: VoiceprintRepository) -> None:
    await enrol(repository, "user-17")
    found = await repository.get("tenant", "key_1", "user-17")
    assert found.embedding(MODEL) is not None
    await repository.erase("tenant", "key_1", "user-17")
    with pytest.raises(NotFound):
        await repository.get("tenant", "key_1", "user-17")


async def test_enrolments_at_once_all_find_their_place_in_the_audit_log(
    repository: VoiceprintRepository, database: Database
) -> None:
    await asyncio.gather(*(enrol(repository, f"user-{n}") for n in range(3)))
    assert await AuditLog(database).check("tenant") == 3


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_entries SET outcome = 'x'", "DELETE FROM audit_entries"]
)
async def test_the_database_refuses_to_change_the_audit_log(
    repository: VoiceprintRepository, database: Database, statement: str
) -> None:
    await enrol(repository, "user-17")
    with pytest.raises(DBAPIError, match="cannot be changed"):
        async with database.transaction() as session:
            await session.execute(text(statement))
    assert await AuditLog(database).check("tenant") == 1
