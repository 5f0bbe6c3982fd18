"""Creating, checking and ending API keys."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from secrets import token_hex

from sqlalchemy import or_, select

from veravox.accounts.keys import ApiKey, Scope, generate_key, public_prefix
from veravox.accounts.plans import Plan
from veravox.accounts.tables import ApiKeyRow
from veravox.db import Database
from veravox.errors import InvalidRequest, NotFound, Unauthorized
from veravox.security import KeyHasher

DEVELOPMENT_NAME = "development"
LONGEST_NAME = 100
LONGEST_TENANT = 40


@dataclass(frozen=True, slots=True)
class CreatedKey:
    """A new key: what is kept of it, and its full text, which is shown once and never stored."""

    api_key: ApiKey
    key: str = field(repr=False)


class AccountService:
    """The API keys of one installation. Every call is a transaction of its own."""

    def __init__(self, database: Database, hasher: KeyHasher) -> None:
        """Keys are hashed by `hasher` and kept in `database`."""
        self._database = database
        self._hasher = hasher

    async def authenticate(self, presented: str | None) -> ApiKey:
        """The active key whose full text is `presented`. Raises Unauthorized for anything else."""
        prefix = public_prefix(presented) if presented else None
        if presented is None or prefix is None:
            raise _unauthorized()
        async with self._database.transaction() as session:
            row = await session.scalar(select(ApiKeyRow).where(ApiKeyRow.prefix == prefix))
        if row is None or not self._hasher.matches(presented, row.digest):
            raise _unauthorized()
        key = _to_key(row)
        if not key.is_active(datetime.now(UTC)):
            raise _unauthorized()
        return key

    async def create_key(
        self,
        name: str,
        plan: Plan = Plan.FREE,
        *,
        tenant_id: str | None = None,
        scopes: Iterable[Scope] = tuple(Scope),
        expires_in: timedelta | None = None,
        requests_per_minute: int | None = None,
        concurrent_requests: int | None = None,
    ) -> CreatedKey:
        """A new key.

        Keys of one `tenant_id` see the same predictions; without it the key is a tenant of its
        own. Raises InvalidRequest for an empty or too long name or tenant, no scope, a period that
        is over, or limits that are not positive or not on an Enterprise key.
        """
        _check_text("name", name, LONGEST_NAME)
        if tenant_id is not None:
            _check_text("tenant_id", tenant_id, LONGEST_TENANT)
        granted = sorted(set(scopes))
        if not granted:
            raise InvalidRequest("a key needs at least one scope")
        if expires_in is not None and expires_in <= timedelta(0):
            raise InvalidRequest("the key would already be expired")
        _check_limits(plan, requests_per_minute, concurrent_requests)
        created_at = datetime.now(UTC)
        text = generate_key()
        row = ApiKeyRow(
            id=f"key_{token_hex(8)}",
            tenant_id=tenant_id or f"tenant_{token_hex(8)}",
            name=name,
            prefix=public_prefix(text),
            digest=self._hasher.digest(text),
            plan=plan.value,
            scopes=[scope.value for scope in granted],
            requests_per_minute=requests_per_minute,
            concurrent_requests=concurrent_requests,
            created_at=created_at,
            expires_at=created_at + expires_in if expires_in is not None else None,
            revoked_at=None,
        )
        async with self._database.transaction() as session:
            session.add(row)
        return CreatedKey(_to_key(row), text)

    async def list_keys(self, tenant_id: str | None = None) -> list[ApiKey]:
        """All keys, or those of a tenant, also revoked and expired ones, oldest first."""
        query = select(ApiKeyRow).order_by(ApiKeyRow.created_at, ApiKeyRow.id)
        if tenant_id is not None:
            query = query.where(ApiKeyRow.tenant_id == tenant_id)
        async with self._database.transaction() as session:
            return [_to_key(row) for row in await session.scalars(query)]

    async def revoke_key(self, reference: str, tenant_id: str | None = None) -> ApiKey:
        """End the key with this id or public prefix, from the next request on.

        Only one of `tenant_id`, if that is given. Revoking twice keeps the first time. Raises
        NotFound.
        """
        query = select(ApiKeyRow).where(
            or_(ApiKeyRow.id == reference, ApiKeyRow.prefix == reference)
        )
        if tenant_id is not None:
            query = query.where(ApiKeyRow.tenant_id == tenant_id)
        async with self._database.transaction() as session:
            row = await session.scalar(query)
            if row is None:
                raise NotFound(f"no API key has the id or prefix '{reference}'")
            if row.revoked_at is None:
                row.revoked_at = datetime.now(UTC)
            return _to_key(row)

    async def ensure_development_key(self) -> CreatedKey | None:
        """On an installation without any key, an Enterprise key to start with; else None."""
        async with self._database.transaction() as session:
            if await session.scalar(select(ApiKeyRow.id).limit(1)) is not None:
                return None
        return await self.create_key(DEVELOPMENT_NAME, Plan.ENTERPRISE)


def _unauthorized() -> Unauthorized:
    return Unauthorized("Invalid or inactive API key")


def _check_text(field_name: str, value: str, longest: int) -> None:
    if not value.strip() or len(value) > longest or not value.isprintable():
        raise InvalidRequest(f"{field_name} must have 1 to {longest} printable characters")


def _check_limits(plan: Plan, *limits: int | None) -> None:
    chosen = [limit for limit in limits if limit is not None]
    if chosen and plan is not Plan.ENTERPRISE:
        raise InvalidRequest("only Enterprise keys may have limits of their own")
    if any(limit < 1 for limit in chosen):
        raise InvalidRequest("limits must be positive")


def _to_key(row: ApiKeyRow) -> ApiKey:
    return ApiKey(
        id=row.id,
        tenant_id=row.tenant_id,
        name=row.name,
        prefix=row.prefix,
        plan=Plan(row.plan),
        scopes=frozenset(Scope(scope) for scope in row.scopes),
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        requests_per_minute=row.requests_per_minute,
        concurrent_requests=row.concurrent_requests,
    )
