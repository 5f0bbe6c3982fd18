from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text, update

from veravox.accounts import AccountService, Limits, Plan, Scope
from veravox.accounts.tables import ApiKeyRow
from veravox.db import Database
from veravox.errors import Forbidden, InvalidRequest, NotFound, Unauthorized
from veravox.security import KeyHasher

pytestmark = pytest.mark.anyio


async def test_a_created_key_authenticates_with_what_it_was_created_with(
    accounts: AccountService,
) -> None:
    created = await accounts.create_key("laptop", Plan.STARTER, tenant_id="acme")
    key = await accounts.authenticate(created.key)
    assert key == created.api_key
    assert (key.name, key.plan, key.tenant_id) == ("laptop", Plan.STARTER, "acme")
    assert key.scopes == frozenset(Scope)
    assert key.limits == Limits(requests_per_minute=60, concurrent_requests=5)


@pytest.mark.parametrize("presented", [None, "", "vvx_", "Bearer x", "vvx_abcdefgh_" + "A" * 43])
async def test_an_unknown_key_is_refused_in_the_words_of_the_api(
    accounts: AccountService, presented: str | None
) -> None:
    with pytest.raises(Unauthorized, match=r"^Invalid or inactive API key$"):
        await accounts.authenticate(presented)


async def test_the_prefix_of_a_key_with_another_secret_is_refused(accounts: AccountService) -> None:
    created = await accounts.create_key("laptop")
    other = await accounts.create_key("other")
    with pytest.raises(Unauthorized):
        await accounts.authenticate(created.key[:13] + other.key[13:])


async def test_a_revoked_key_is_refused_from_the_next_request_on(accounts: AccountService) -> None:
    created = await accounts.create_key("laptop")
    await accounts.authenticate(created.key)
    revoked = await accounts.revoke_key(created.api_key.prefix)
    with pytest.raises(Unauthorized):
        await accounts.authenticate(created.key)
    assert await accounts.revoke_key(created.api_key.id) == revoked


async def test_revoking_an_unknown_key_is_an_error(accounts: AccountService) -> None:
    with pytest.raises(NotFound):
        await accounts.revoke_key("key_none")


async def test_an_expired_key_is_refused(accounts: AccountService, database: Database) -> None:
    created = await accounts.create_key("guest", expires_in=timedelta(hours=1))
    assert (await accounts.authenticate(created.key)).expires_at is not None
    async with database.transaction() as session:
        await session.execute(update(ApiKeyRow).values(expires_at=datetime.now(UTC)))
    with pytest.raises(Unauthorized):
        await accounts.authenticate(created.key)


async def test_a_key_without_a_scope_is_forbidden_what_the_scope_allows(
    accounts: AccountService,
) -> None:
    created = await accounts.create_key("uploader", scopes=[Scope.PREDICT])
    key = await accounts.authenticate(created.key)
    key.require(Scope.PREDICT)
    with pytest.raises(Forbidden, match="delete"):
        key.require(Scope.DELETE)


async def test_an_enterprise_key_carries_limits_of_its_own(accounts: AccountService) -> None:
    created = await accounts.create_key("bank", Plan.ENTERPRISE, requests_per_minute=12_000)
    limits = (await accounts.authenticate(created.key)).limits
    assert limits.requests_per_minute == 12_000
    assert limits.concurrent_requests == Plan.ENTERPRISE.limits.concurrent_requests


@pytest.mark.parametrize(
    "arguments",
    [
        {"name": " "},
        {"name": "n" * 101},
        {"name": "a\x00b"},
        {"name": "n", "tenant_id": ""},
        {"name": "n", "tenant_id": "t" * 41},
        {"name": "n", "scopes": []},
        {"name": "n", "expires_in": timedelta(0)},
        {"name": "n", "plan": Plan.STARTER, "requests_per_minute": 5},
        {"name": "n", "plan": Plan.ENTERPRISE, "concurrent_requests": 0},
    ],
)
async def test_a_key_that_makes_no_sense_is_not_created(
    accounts: AccountService, arguments: dict
) -> None:
    with pytest.raises(InvalidRequest):
        await accounts.create_key(**arguments)
    assert await accounts.list_keys() == []


async def test_keys_are_tenants_of_their_own_unless_told_otherwise(
    accounts: AccountService,
) -> None:
    first = await accounts.create_key("one")
    second = await accounts.create_key("two")
    third = await accounts.create_key("three", tenant_id=first.api_key.tenant_id)
    assert first.api_key.tenant_id != second.api_key.tenant_id
    assert first.api_key.tenant_id == third.api_key.tenant_id


async def test_keys_are_listed_oldest_first_with_their_revocations(
    accounts: AccountService,
) -> None:
    created = [await accounts.create_key(name) for name in ("one", "two", "three")]
    await accounts.revoke_key(created[1].api_key.id)
    listed = await accounts.list_keys()
    assert [key.name for key in listed] == ["one", "two", "three"]
    assert [key.revoked_at is not None for key in listed] == [False, True, False]


async def test_the_database_holds_neither_the_key_nor_its_plain_hash(
    accounts: AccountService, database: Database
) -> None:
    created = await accounts.create_key("laptop")
    async with database.transaction() as session:
        row = (await session.execute(text("SELECT * FROM api_keys"))).one()
    assert created.key[13:] not in str(row)
    with pytest.raises(Unauthorized):
        await AccountService(database, KeyHasher(b"another secret")).authenticate(created.key)


async def test_a_created_key_is_not_shown_by_its_repr(accounts: AccountService) -> None:
    created = await accounts.create_key("laptop")
    assert created.key not in repr(created)


async def test_a_development_key_is_made_once_and_only_on_an_empty_installation(
    accounts: AccountService,
) -> None:
    created = await accounts.ensure_development_key()
    assert created is not None
    assert await accounts.authenticate(created.key) == created.api_key
    assert await accounts.ensure_development_key() is None
    await accounts.revoke_key(created.api_key.id)
    assert await accounts.ensure_development_key() is None
