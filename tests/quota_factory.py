"""Keys for tests of rate limits, each with counters of its own."""

from datetime import UTC, datetime
from uuid import uuid4

from veravox.accounts import ApiKey, Plan, Scope


def api_key(plan: Plan = Plan.FREE, *, key_id: str | None = None, **limits: int) -> ApiKey:
    """A key that nobody has used."""
    return ApiKey(
        id=key_id or f"key_{uuid4().hex}",
        tenant_id="tenant",
        name="test",
        prefix="abcdefgh",
        plan=plan,
        scopes=frozenset(Scope),
        created_at=datetime.now(UTC),
        **limits,
    )
