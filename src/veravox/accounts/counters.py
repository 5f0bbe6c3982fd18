"""Where requests are counted: in the memory of one process, or in Redis for all of them."""

import math
from collections import Counter
from typing import Protocol

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, Storage
from limits.aio.strategies import MovingWindowRateLimiter

from veravox.errors import RateUsage


class CountersUnavailable(Exception):
    """The place where requests are counted does not answer."""


class Counters(Protocol):
    """What a quota needs to count. Every call may raise CountersUnavailable."""

    async def enter(self, key_id: str, limit: int) -> str | None:
        """Take one of `limit` places for a running request: a token, None when all are taken."""
        ...

    async def leave(self, key_id: str, token: str) -> None:
        """Give back the place that `token` stands for."""
        ...

    async def hit(self, key_id: str, limit: int) -> bool:
        """Count a request unless `limit` were counted in the last 60 seconds; whether it was."""
        ...

    async def usage(self, key_id: str, limit: int) -> RateUsage:
        """The requests counted in the last 60 seconds."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class MinuteWindow:
    """Requests in any 60 seconds, exactly: the times of the counted ones are kept."""

    def __init__(self, storage: Storage) -> None:
        """Counts in `storage`."""
        self._limiter = MovingWindowRateLimiter(storage)

    async def hit(self, key_id: str, limit: int) -> bool:
        """As Counters.hit."""
        return await self._limiter.hit(RateLimitItemPerMinute(limit), key_id)

    async def usage(self, key_id: str, limit: int) -> RateUsage:
        """As Counters.usage."""
        reset_at, remaining = await self._limiter.get_window_stats(
            RateLimitItemPerMinute(limit), key_id
        )
        return RateUsage(limit, max(0, remaining), math.ceil(reset_at))


class MemoryCounters:
    """Counts in this process only."""

    def __init__(self) -> None:
        """Starts from zero."""
        self._minute = MinuteWindow(MemoryStorage())
        self._running: Counter[str] = Counter()

    async def enter(self, key_id: str, limit: int) -> str | None:
        """As Counters.enter; never waits."""
        if self._running[key_id] >= limit:
            return None
        self._running[key_id] += 1
        return key_id

    async def leave(self, key_id: str, token: str) -> None:  # noqa: ARG002
        """As Counters.leave; never waits, so that a cancelled request gives its place back."""
        self._running[key_id] -= 1
        if not self._running[key_id]:
            del self._running[key_id]

    async def hit(self, key_id: str, limit: int) -> bool:
        """As Counters.hit."""
        return await self._minute.hit(key_id, limit)

    async def usage(self, key_id: str, limit: int) -> RateUsage:
        """As Counters.usage."""
        return await self._minute.usage(key_id, limit)

    async def close(self) -> None:
        """Nothing to let go of."""
