"""The plans of api.md section 1 and their limits."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Limits:
    """What one key may do: requests in any 60 seconds, and requests at the same moment."""

    requests_per_minute: int
    concurrent_requests: int


class Plan(StrEnum):
    """A named pair of limits. Only Enterprise keys may carry limits of their own."""

    FREE = "free"
    STARTER = "starter"
    PROFESSIONAL = "professional"
    ENTERPRISE = "enterprise"

    @property
    def limits(self) -> Limits:
        """The limits of a key without limits of its own."""
        return _LIMITS[self]


_LIMITS = {
    Plan.FREE: Limits(requests_per_minute=10, concurrent_requests=2),
    Plan.STARTER: Limits(requests_per_minute=60, concurrent_requests=5),
    Plan.PROFESSIONAL: Limits(requests_per_minute=300, concurrent_requests=20),
    Plan.ENTERPRISE: Limits(requests_per_minute=3000, concurrent_requests=200),
}
