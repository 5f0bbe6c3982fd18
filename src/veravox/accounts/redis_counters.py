"""Counting in Redis, for all workers and hosts together.

A running request holds a lease in a sorted set, scored by its end in Redis's own time. Leases are
renewed while the request runs, so those of a process that died free themselves after
LEASE_SECONDS. When Redis does not answer, callers hear it at once, and for RETRY_SECONDS nobody
waits for it again.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from secrets import token_hex
from typing import TypeVar

import anyio
from limits.aio.storage import RedisStorage
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from veravox.accounts.counters import CountersUnavailable, MinuteWindow
from veravox.errors import RateUsage
from veravox.telemetry.metrics import RATE_LIMIT_BACKEND_FAILURES

ANSWER_SECONDS = 0.25
RETRY_SECONDS = 5.0
LEASE_SECONDS = 45
NAMESPACE = "veravox"

Answer = TypeVar("Answer")

_ENTER = """
local now = tonumber(redis.call('time')[1])
redis.call('zremrangebyscore', KEYS[1], '-inf', now)
if redis.call('zcard', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
redis.call('zadd', KEYS[1], now + tonumber(ARGV[3]), ARGV[1])
redis.call('expire', KEYS[1], tonumber(ARGV[3]))
return 1
"""
_RENEW = """
local now = tonumber(redis.call('time')[1])
redis.call('zadd', KEYS[1], 'XX', now + tonumber(ARGV[2]), ARGV[1])
redis.call('expire', KEYS[1], tonumber(ARGV[2]))
return 1
"""


class RedisCounters:
    """Counts in the Redis at a URL. Belongs to one event loop."""

    def __init__(self, url: str) -> None:
        """`url` is ``redis://``, ``rediss://`` or ``unix://``; nothing is opened before first use.

        Raises ValueError for any other scheme.
        """
        self._pool = ConnectionPool.from_url(  # pyright: ignore[reportUnknownMemberType]
            url,
            socket_timeout=ANSWER_SECONDS,
            socket_connect_timeout=ANSWER_SECONDS,
            retry=Retry(NoBackoff(), 1),
        )
        self._redis = Redis(connection_pool=self._pool)
        self._minute = MinuteWindow(
            RedisStorage(
                url,
                implementation="redispy",
                key_prefix=f"{NAMESPACE}:minute",
                connection_pool=self._pool,  # pyright: ignore[reportArgumentType]
            )
        )
        self._enter = self._redis.register_script(_ENTER)
        self._renew = self._redis.register_script(_RENEW)
        self._held: dict[str, str] = {}
        self._renewal: asyncio.Task[None] | None = None
        self._away_until = 0.0

    async def enter(self, key_id: str, limit: int) -> str | None:
        """As Counters.enter."""
        token = token_hex(8)
        name = _running(key_id)
        if not await self._ask(
            lambda: self._enter(keys=[name], args=[token, limit, LEASE_SECONDS])
        ):
            return None
        self._held[token] = name
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.create_task(self._renew_leases())
        return token

    async def leave(self, key_id: str, token: str) -> None:
        """As Counters.leave; also when the request was cancelled."""
        del self._held[token]
        with anyio.CancelScope(shield=True):
            await self._ask(lambda: self._redis.zrem(_running(key_id), token))

    async def hit(self, key_id: str, limit: int) -> bool:
        """As Counters.hit."""
        return await self._ask(lambda: self._minute.hit(key_id, limit))

    async def usage(self, key_id: str, limit: int) -> RateUsage:
        """As Counters.usage."""
        return await self._ask(lambda: self._minute.usage(key_id, limit))

    async def close(self) -> None:
        """Stop renewing leases and close the connections."""
        if self._renewal is not None:
            self._renewal.cancel()
            await asyncio.gather(self._renewal, return_exceptions=True)
        await self._redis.aclose()
        await self._pool.disconnect()

    async def _ask(self, question: Callable[[], Awaitable[Answer]]) -> Answer:
        if time.monotonic() < self._away_until:
            raise CountersUnavailable("Redis did not answer a moment ago")
        try:
            return await question()
        except (RedisError, OSError) as error:
            self._away_until = time.monotonic() + RETRY_SECONDS
            raise CountersUnavailable("Redis does not answer") from error

    async def _renew_leases(self) -> None:
        while self._held:
            await asyncio.sleep(LEASE_SECONDS / 3)
            for token, name in list(self._held.items()):
                await self._renew_lease(token, name)

    async def _renew_lease(self, token: str, name: str) -> None:
        try:
            await self._ask(lambda: self._renew(keys=[name], args=[token, LEASE_SECONDS]))
        except CountersUnavailable:
            RATE_LIMIT_BACKEND_FAILURES.inc()


def _running(key_id: str) -> str:
    return f"{NAMESPACE}:running:{key_id}"
