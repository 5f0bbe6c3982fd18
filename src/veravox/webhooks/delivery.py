"""What a delivery is, and when it is tried again."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

DELIVERED_WITHIN = timedelta(hours=24)
FIRST_WAIT_SECONDS = 5.0
LONGEST_WAIT_SECONDS = 3_600.0


class DeliveryStatus(StrEnum):
    """How far a delivery has come; canceled when its prediction was deleted or is redone."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request: what the receiver answered, or the error. It took `seconds`."""

    started_at: datetime
    seconds: float
    status_code: int | None
    error: str | None

    @property
    def succeeded(self) -> bool:
        """Whether the receiver took it: any status of 200 to 299."""
        return self.status_code is not None and 200 <= self.status_code < 300


@dataclass(frozen=True, slots=True)
class Delivery:
    """A prediction's end and who is to be told of it. Times are UTC.

    `next_attempt_at` is None once it is not pending any more. `attempts` are all, oldest first.
    """

    id: str
    tenant_id: str
    prediction_id: str
    url: str
    status: DeliveryStatus
    created_at: datetime
    next_attempt_at: datetime | None
    finished_at: datetime | None
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which deliveries to list; `limit` is the most on a page."""

    limit: int = 20
    cursor: str | None = None
    status: DeliveryStatus | None = None
    prediction_id: str | None = None


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """Deliveries, newest first, and where the next page begins."""

    deliveries: tuple[Delivery, ...]
    next_cursor: str | None


def wait_after(attempts: int, chance: float) -> timedelta:
    """The pause after so many failed attempts, at least 1: it doubles from 5 s up to an hour.

    `chance`, uniform in 0..1, moves it by up to a fifth either way, so that deliveries that
    failed together do not come again together.
    """
    seconds = min(FIRST_WAIT_SECONDS * 2.0 ** min(attempts - 1, 20), LONGEST_WAIT_SECONDS)
    return timedelta(seconds=seconds * (0.8 + 0.4 * chance))
