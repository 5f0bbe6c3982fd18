"""API keys: their text, and what is known about one."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from secrets import choice, token_urlsafe
from string import ascii_lowercase, digits

from veravox.accounts.plans import Limits, Plan
from veravox.errors import Forbidden

PREFIX_LENGTH = 8
SECRET_BYTES = 32
_ALPHABET = ascii_lowercase + digits
_KEY = re.compile(r"vvx_([a-z0-9]{8})_[A-Za-z0-9_-]{43}", re.ASCII)


class Scope(StrEnum):
    """What a key may do.

    Analyse audio; read stored predictions; delete them; enrol and compare voices; erase
    voiceprints.
    """

    PREDICT = "predict"
    READ = "read"
    DELETE = "delete"
    VOICE = "voice"
    VOICE_ERASE = "voice-erase"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key without its secret. Times are UTC.

    `prefix` is the public part that names the key in lists. The two limits are set only where
    they differ from the plan's.
    """

    id: str
    tenant_id: str
    name: str
    prefix: str
    plan: Plan
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    requests_per_minute: int | None = None
    concurrent_requests: int | None = None

    @property
    def limits(self) -> Limits:
        """The limits in force: the key's own, else its plan's."""
        plan = self.plan.limits
        return Limits(
            requests_per_minute=self.requests_per_minute or plan.requests_per_minute,
            concurrent_requests=self.concurrent_requests or plan.concurrent_requests,
        )

    def is_active(self, now: datetime) -> bool:
        """Whether the key is neither revoked nor expired at `now`."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def require(self, scope: Scope) -> None:
        """Raises Forbidden unless the key has `scope`."""
        if scope not in self.scopes:
            raise Forbidden(f"This API key lacks the scope '{scope}'")


def generate_key() -> str:
    """A new key, ``vvx_<8 characters>_<43 characters>``, with 256 random bits after the prefix."""
    prefix = "".join(choice(_ALPHABET) for _ in range(PREFIX_LENGTH))
    return f"vvx_{prefix}_{token_urlsafe(SECRET_BYTES)}"


def presented_key(headers: Mapping[str, str]) -> str | None:
    """The key in ``x-api-key``, else in ``authorization: Bearer``, else None.

    `headers` are looked up by their names in lower case.
    """
    if key := headers.get("x-api-key"):
        return key.strip()
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    return credentials.strip() or None if scheme.lower() == "bearer" else None


def public_prefix(key: str) -> str | None:
    """The public prefix inside a well-formed key, None for any other text."""
    match = _KEY.fullmatch(key)
    return match.group(1) if match else None
