"""People: how they come in for the first time, and when they are out again."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from veravox.db import Database
from veravox.errors import Conflict, InvalidRequest, NotFound, Unauthorized
from veravox.users import Role, UserService
from veravox.users.service import SESSION_IDLE
from veravox.users.tables import SessionRow, SignInLinkRow, UserRow

pytestmark = pytest.mark.anyio

PASSWORD = "four unrelated words"


async def test_the_first_person_is_an_administrator_of_the_first_tenant(users: UserService):
    first = await users.first_link("acme")
    assert first is not None
    signed_in = await users.redeem(first.token, PASSWORD)
    assert (signed_in.user.tenant_id, signed_in.user.role) == ("acme", Role.ADMIN)
    assert await users.first_link("acme") is None


async def test_until_somebody_has_a_password_every_start_gives_a_link(users: UserService):
    first, second = await users.first_link("acme"), await users.first_link("acme")
    assert first is not None
    assert second is not None
    assert first.name == second.name
    assert len(await users.list()) == 1
    await users.redeem(second.token, PASSWORD)
    with pytest.raises(Unauthorized):
        await users.redeem(first.token, PASSWORD)


async def test_a_link_that_expired_lets_nobody_in(users: UserService, database: Database):
    link = await users.first_link("acme")
    assert link is not None
    await _age(database, SignInLinkRow, expires_at=datetime.now(UTC))
    with pytest.raises(Unauthorized):
        await users.redeem(link.token, PASSWORD)


async def test_a_session_ends_when_it_is_not_used_or_too_old(
    users: UserService, database: Database
):
    link = await users.first_link("acme")
    assert link is not None
    token = (await users.redeem(link.token, PASSWORD)).token
    assert await users.session(token) is not None
    now = datetime.now(UTC)
    await _age(database, SessionRow, seen_at=now - SESSION_IDLE + timedelta(minutes=1))
    assert await users.session(token) is not None
    await _age(database, SessionRow, seen_at=now - SESSION_IDLE)
    assert await users.session(token) is None
    await _age(database, SessionRow, seen_at=now, expires_at=now)
    assert await users.session(token) is None


async def test_a_used_session_stays_alive(users: UserService, database: Database):
    link = await users.first_link("acme")
    assert link is not None
    token = (await users.redeem(link.token, PASSWORD)).token
    before = datetime.now(UTC) - timedelta(hours=1)
    await _age(database, SessionRow, seen_at=before)
    await users.session(token)
    async with database.transaction() as session:
        seen = (await session.scalars(select(SessionRow.seen_at))).one()
    assert seen > before


async def test_neither_passwords_nor_secrets_are_stored(users: UserService, database: Database):
    link = await users.first_link("acme")
    assert link is not None
    token = (await users.redeem(link.token, PASSWORD)).token
    async with database.transaction() as session:
        stored = (await session.scalars(select(UserRow.password))).one()
        digest = (await session.scalars(select(SessionRow.digest))).one()
    assert stored is not None
    assert stored.startswith("$argon2id$")
    assert PASSWORD not in stored
    assert token.encode() not in digest
    assert token not in repr(await users.sign_in("admin", PASSWORD))


async def test_who_is_disabled_neither_signs_in_nor_uses_a_link(users: UserService):
    await users.create("acme", "ada", Role.ADMIN)
    await users.create("acme", "mo", Role.MEMBER)
    link = await users.link("acme", "mo")
    token = (await users.redeem(link.token, PASSWORD)).token
    later = await users.link("acme", "mo")
    await users.disable("acme", "mo")
    assert await users.session(token) is None
    for attempt in (
        users.sign_in("mo", PASSWORD),
        users.redeem(later.token, PASSWORD),
        users.admit("mo"),
    ):
        with pytest.raises(Unauthorized):
            await attempt
    await users.enable("acme", "mo")
    assert (await users.sign_in("mo", PASSWORD)).user.name == "mo"


async def test_the_last_administrator_of_a_tenant_cannot_be_disabled(users: UserService):
    await users.create("acme", "ada", Role.ADMIN)
    await users.create("other", "otto", Role.ADMIN)
    with pytest.raises(Conflict):
        await users.disable(None, "ada")


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\nb"])
async def test_a_name_that_nobody_could_type_is_refused(users: UserService, name: str):
    with pytest.raises(InvalidRequest):
        await users.create("acme", name, Role.MEMBER)


async def test_a_name_is_taken_once_for_all_tenants(users: UserService):
    await users.create("acme", "ada", Role.MEMBER)
    with pytest.raises(Conflict):
        await users.create("other", "ada", Role.MEMBER)
    with pytest.raises(NotFound):
        await users.get("other", "ada")


async def _age(database: Database, table: type, **values: datetime) -> None:
    async with database.transaction() as session:
        await session.execute(update(table).values(**values))
