"""Rate limits of API keys: requests in any 60 seconds, and requests at the same moment.

A refused request is not counted: neither the 11th of a minute nor the 3rd concurrent one of a Free
key takes anything from what the key may do next. Without an answer from Redis every request is
admitted, and a metric counts that.
"""

import math
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from veravox.accounts.counters import Counters, CountersUnavailable, MemoryCounters
from veravox.accounts.keys import ApiKey
from veravox.accounts.plans import Limits
from veravox.errors import RateLimited, RateUsage
from veravox.settings import InvalidSettings
from veravox.telemetry.metrics import RATE_LIMIT_BACKEND_FAILURES

WINDOW_SECONDS = 60
CONCURRENT_RETRY_SECONDS = 1


class Quota:
    """Admits the requests of a key as its limits allow. Belongs to one event loop."""

    def __init__(self, counters: Counters | None = None) -> None:
        """Counts in `counters`, by default in the memory of this process."""
        self._counters = counters or MemoryCounters()

    @classmethod
    def from_url(cls, redis_url: str | None) -> "Quota":
        """Counts in the Redis at `redis_url`, in memory without one.

        Raises InvalidSettings when the URL is malformed or the extra ``redis`` is not installed.
        """
        if redis_url is None:
            return cls()
        try:
            from veravox.accounts.redis_counters import RedisCounters
        except ModuleNotFoundError as error:
            raise InvalidSettings("redis_url needs: pip install veravox[redis]") from error
        try:
            return cls(RedisCounters(redis_url))
        except ValueError as error:
            raise InvalidSettings(f"redis_url: {error}") from None

    @asynccontextmanager
    async def admit(self, key: ApiKey) -> AsyncGenerator[RateUsage]:
        """A place for one request of `key` while the block runs. Raises as `place`."""
        async with self.place(key.id, key.limits) as usage:
            yield usage

    @asynccontextmanager
    async def place(self, name: str, limits: Limits) -> AsyncGenerator[RateUsage]:
        """A place for one request in `name` while the block runs.

        Raises RateLimited when too many are running or came in the last 60 seconds.
        """
        token = await self._enter(name, limits)
        try:
            yield await self._count(name, limits)
        finally:
            if token is not None:
                await self._leave(name, token)

    async def count(self, name: str, per_minute: int) -> None:
        """Count something else than a key's request, such as `name`'s attempts to sign in.

        Raises RateLimited beyond `per_minute` in the last 60 seconds.
        """
        await self._count(name, Limits(per_minute, 1))

    async def usage(self, key: ApiKey) -> RateUsage | None:
        """Where a key stands in its requests of the last 60 seconds; None when nobody counts."""
        try:
            return await self._counters.usage(key.id, key.limits.requests_per_minute)
        except CountersUnavailable:
            RATE_LIMIT_BACKEND_FAILURES.inc()
            return None

    async def close(self) -> None:
        """Let go of connections."""
        await self._counters.close()

    async def _enter(self, key_id: str, limits: Limits) -> str | None:
        """A token for the place taken, None when nobody counts. Raises RateLimited."""
        limit = limits.concurrent_requests
        try:
            token = await self._counters.enter(key_id, limit)
            if token is not None:
                return token
            usage = await self._counters.usage(key_id, limits.requests_per_minute)
        except CountersUnavailable:
            RATE_LIMIT_BACKEND_FAILURES.inc()
            return None
        raise RateLimited(limit, limit, CONCURRENT_RETRY_SECONDS, "concurrent", usage)

    async def _count(self, key_id: str, limits: Limits) -> RateUsage:
        """The key's usage with this request. Raises RateLimited."""
        limit = limits.requests_per_minute
        now = time.time()
        try:
            admitted = await self._counters.hit(key_id, limit)
            usage = await self._counters.usage(key_id, limit)
        except CountersUnavailable:
            RATE_LIMIT_BACKEND_FAILURES.inc()
            return RateUsage(limit, limit, math.ceil(now) + WINDOW_SECONDS)
        if not admitted:
            retry_after = min(WINDOW_SECONDS, max(1, math.ceil(usage.reset_at - now)))
            raise RateLimited(limit, limit, retry_after, "per minute", usage)
        return usage

    async def _leave(self, key_id: str, token: str) -> None:
        try:
            await self._counters.leave(key_id, token)
        except CountersUnavailable:
            RATE_LIMIT_BACKEND_FAILURES.inc()
