"""Voiceprints in a real database and a real vault."""

import shutil
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import anyio
import numpy as np
import pytest

from tests.voiceprint_factory import MODEL, make_embedding, make_enrolment, open_repository
from veravox.audit import AuditLog
from veravox.db import Database
from veravox.db.url import sqlite_url
from veravox.errors import NotFound
from veravox.security import WrongKey
from veravox.voiceprints import VoiceprintRepository

pytestmark = pytest.mark.anyio

TENANT, ACTOR, USER = "tenant", "key_1", "user-17"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def repository(tmp_path: Path) -> AsyncIterator[VoiceprintRepository]:
    async with open_repository(tmp_path) as repository:
        yield repository


async def enrol(
    repository: VoiceprintRepository,
    seed: int = 1,
    *,
    user_id: str = USER,
    tenant: str = TENANT,
    model_id: str = MODEL,
    consent: str | None = None,
    replace_all: bool = False,
) -> None:
    enrolment = make_enrolment(seed, model_id)
    await repository.add(tenant, ACTOR, user_id, enrolment, consent=consent, replace=replace_all)


async def test_an_enrolled_voice_is_found_again(repository: VoiceprintRepository) -> None:
    await enrol(repository, consent="form 12")
    found = await repository.get(TENANT, ACTOR, USER)
    assert (found.user_id, found.consent) == (USER, "form 12")
    (reference,) = found.references
    assert reference.net_speech == 12.5
    assert np.array_equal(reference.embedding, make_embedding(1))


async def test_a_second_enrolment_adds_a_reference(repository: VoiceprintRepository) -> None:
    await enrol(repository, 1, consent="form 12")
    await enrol(repository, 2)
    found = await repository.get(TENANT, ACTOR, USER)
    assert len(found.references) == 2
    assert found.consent == "form 12"
    mean = found.embedding(MODEL)
    assert mean is not None
    assert mean @ make_embedding(1) == pytest.approx(mean @ make_embedding(2), abs=1e-4)


async def test_re_enrolment_replaces_what_was_there(repository: VoiceprintRepository) -> None:
    await enrol(repository, 1)
    await enrol(repository, 2, replace_all=True)
    found = await repository.get(TENANT, ACTOR, USER)
    assert [r.embedding.tolist() for r in found.references] == [make_embedding(2).tolist()]


async def test_the_newest_ten_references_are_kept(repository: VoiceprintRepository) -> None:
    for seed in range(12):
        await enrol(repository, seed)
    found = await repository.get(TENANT, ACTOR, USER)
    assert np.array_equal(found.references[0].embedding, make_embedding(2))
    assert len(found.references) == 10


async def test_references_of_another_model_are_not_compared_with_and_go_at_re_enrolment(
    repository: VoiceprintRepository,
) -> None:
    await enrol(repository, 1, model_id="older-1")
    assert (await repository.get(TENANT, ACTOR, USER)).embedding(MODEL) is None
    await enrol(repository, 2)
    found = await repository.get(TENANT, ACTOR, USER)
    assert [reference.model_id for reference in found.references] == [MODEL]


async def test_tenants_do_not_see_each_other(repository: VoiceprintRepository) -> None:
    await enrol(repository, 1)
    await enrol(repository, 2, tenant="other")
    assert len(await repository.list(TENANT, ACTOR)) == 1
    await repository.erase("other", ACTOR, USER)
    assert await repository.get(TENANT, ACTOR, USER)


async def test_an_unknown_user_is_not_found(repository: VoiceprintRepository) -> None:
    with pytest.raises(NotFound, match="user-17"):
        await repository.get(TENANT, ACTOR, USER)
    with pytest.raises(NotFound, match="user-17"):
        await repository.erase(TENANT, ACTOR, USER)


async def test_nothing_about_a_person_lies_open_in_the_database(
    repository: VoiceprintRepository, tmp_path: Path
) -> None:
    await enrol(repository, consent="signed by Jane Doe")
    content = _database_bytes(tmp_path)
    assert USER.encode() not in content
    assert b"Jane Doe" not in content
    assert make_embedding(1).tobytes()[:16] not in content


async def test_after_erasure_nothing_can_be_decrypted_from_a_copied_database_file(
    repository: VoiceprintRepository, tmp_path: Path
) -> None:
    await enrol(repository, 1)
    await enrol(repository, 2, user_id="user-18")
    backup = tmp_path / "backup.db"
    _copy(tmp_path / "veravox.db", backup)

    receipt = await repository.erase(TENANT, ACTOR, USER)

    assert receipt.subjects == 1
    async with open_repository(tmp_path, backup) as restored:
        with pytest.raises(NotFound):
            await restored.get(TENANT, ACTOR, USER)
        assert [v.user_id for v in await restored.list(TENANT, ACTOR)] == ["user-18"]


async def test_after_erasure_a_new_enrolment_does_not_bring_the_old_one_back(
    repository: VoiceprintRepository, tmp_path: Path
) -> None:
    await enrol(repository, 1)
    backup = tmp_path / "backup.db"
    _copy(tmp_path / "veravox.db", backup)
    await repository.erase(TENANT, ACTOR, USER)
    await enrol(repository, 2)

    async with open_repository(tmp_path, backup) as restored:
        with pytest.raises(NotFound):
            await restored.get(TENANT, ACTOR, USER)


async def test_erasing_a_tenant_leaves_nothing_readable_in_a_copy(
    repository: VoiceprintRepository, tmp_path: Path
) -> None:
    for seed in range(3):
        await enrol(repository, seed, user_id=f"user-{seed}")
    backup = tmp_path / "backup.db"
    _copy(tmp_path / "veravox.db", backup)

    receipt = await repository.erase_all(TENANT, ACTOR)

    assert receipt.subjects == 3
    async with open_repository(tmp_path, backup) as restored:
        assert await restored.list(TENANT, ACTOR) == []


async def test_an_erasure_that_stopped_after_the_key_is_finished_by_the_next(
    repository: VoiceprintRepository, tmp_path: Path
) -> None:
    await enrol(repository)
    for key in (tmp_path / "keys").rglob("*.key"):
        if key.name != "tenant.key":
            key.unlink()
    with pytest.raises(NotFound):
        await repository.get(TENANT, ACTOR, USER)
    await repository.erase(TENANT, ACTOR, USER)
    rows = sqlite3.connect(tmp_path / "veravox.db").execute("SELECT count(*) FROM voiceprints")
    assert rows.fetchone() == (0,)


async def test_a_row_moved_to_another_tenant_does_not_open(
    repository: VoiceprintRepository, tmp_path: Path
) -> None:
    await enrol(repository, 1)
    await enrol(repository, 2, tenant="other")
    connection = sqlite3.connect(tmp_path / "veravox.db")
    with connection:
        connection.execute(
            "UPDATE voiceprint_references SET sealed = "
            "(SELECT sealed FROM voiceprint_references WHERE tenant_id = 'other') "
            "WHERE tenant_id = ?",
            (TENANT,),
        )
    connection.close()
    with pytest.raises(WrongKey):
        await repository.get(TENANT, ACTOR, USER)


async def test_every_access_is_in_the_audit_log_without_the_user_s_name(
    repository: VoiceprintRepository, tmp_path: Path
) -> None:
    await enrol(repository)
    await repository.get(TENANT, ACTOR, USER)
    await repository.list(TENANT, ACTOR)
    receipt = await repository.erase(TENANT, ACTOR, USER)

    database = Database(sqlite_url(tmp_path / "veravox.db"))
    entries = await AuditLog(database).entries(TENANT)
    await database.close()
    actions = [entry.action.removeprefix("voiceprint.") for entry in entries]
    assert actions == ["enrol", "read", "list", "erase"]
    assert receipt.entry == 4
    assert receipt.digest == entries[-1].digest
    assert USER not in str([replace(entry, digest=b"") for entry in entries])


async def test_many_at_once_all_find_their_place_in_the_audit_log(
    repository: VoiceprintRepository, tmp_path: Path
) -> None:
    async with anyio.create_task_group() as group:
        for seed in range(4):

            async def one(seed: int = seed) -> None:
                await enrol(repository, seed, user_id=f"user-{seed}")

            group.start_soon(one)
    database = Database(sqlite_url(tmp_path / "veravox.db"))
    assert await AuditLog(database).check(TENANT) == 4
    await database.close()


def _copy(source: Path, target: Path) -> None:
    """A backup as SQLite makes it."""
    with sqlite3.connect(source) as original, sqlite3.connect(target) as copy:
        original.backup(copy)
    original.close()
    copy.close()


def _database_bytes(folder: Path) -> bytes:
    copied = folder / "copy"
    copied.mkdir()
    for file in folder.glob("veravox.db*"):
        shutil.copy(file, copied)
    return b"".join(path.read_bytes() for path in copied.iterdir())
