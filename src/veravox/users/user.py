"""What a person's account is."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Role(StrEnum):
    """What a person may do: use the tenant's data, or also manage keys, people and secrets."""

    MEMBER = "member"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class User:
    """A person of one tenant. Times are UTC.

    `name` is what they sign in with. Without a password they can only come in by a sign-in link or
    by the identity provider.
    """

    id: str
    tenant_id: str
    name: str
    role: Role
    has_password: bool
    created_at: datetime
    disabled_at: datetime | None = None

    @property
    def is_admin(self) -> bool:
        """Whether the person manages keys, people and secrets."""
        return self.role is Role.ADMIN


@dataclass(frozen=True, slots=True)
class SignInLink:
    """The secret of a link that works once, until `expires_at` (UTC), for the user `name`."""

    name: str
    token: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session: whose it is, its secret, and when it ends at the latest (UTC)."""

    user: User
    token: str = field(repr=False)
    expires_at: datetime
