import asyncio
import sys
import time
from collections.abc import AsyncIterator

import pytest

from tests.quota_factory import api_key
from veravox.accounts import ApiKey, Plan, Quota
from veravox.errors import RateLimited

redis_asyncio = pytest.importorskip("redis.asyncio")

pytestmark = pytest.mark.anyio


@pytest.fixture
async def workers(redis_url: str) -> AsyncIterator[tuple[Quota, Quota]]:
    """The quotas of two workers."""
    pair = (Quota.from_url(redis_url), Quota.from_url(redis_url))
    yield pair
    for quota in pair:
        await quota.close()


async def use(quota: Quota, key: ApiKey) -> int:
    async with quota.admit(key) as usage:
        return usage.remaining


async def test_workers_count_the_requests_of_a_minute_together(workers) -> None:
    key = api_key()
    remaining = [await use(workers[number % 2], key) for number in range(10)]
    assert remaining == list(range(9, -1, -1))
    for quota in workers:
        with pytest.raises(RateLimited, match="10/10 per minute") as refusal:
            await use(quota, key)
        assert 58 <= refusal.value.retry_after <= 60
        assert 58 <= refusal.value.usage.reset_at - time.time() <= 61


async def test_workers_count_concurrent_requests_together_and_refusals_not_at_all(workers) -> None:
    key = api_key()
    async with workers[0].admit(key), workers[1].admit(key):
        with pytest.raises(RateLimited, match="2/2 concurrent") as refusal:
            await use(workers[0], key)
    assert (refusal.value.usage.limit, refusal.value.usage.remaining) == (10, 8)
    assert await use(workers[1], key) == 7


async def test_many_requests_at_once_are_admitted_up_to_the_limit_exactly(workers) -> None:
    key = api_key(Plan.ENTERPRISE, concurrent_requests=7)

    async def request(number: int) -> bool:
        try:
            async with workers[number % 2].admit(key):
                await asyncio.sleep(0.5)
        except RateLimited:
            return False
        return True

    admitted = await asyncio.gather(*(request(number) for number in range(40)))
    assert sum(admitted) == 7


async def test_a_cancelled_request_gives_its_place_back(workers) -> None:
    key = api_key(Plan.ENTERPRISE, concurrent_requests=1)

    async def hang() -> None:
        async with workers[0].admit(key):
            await asyncio.sleep(60)

    task = asyncio.create_task(hang())
    await asyncio.sleep(0.2)
    with pytest.raises(RateLimited):
        await use(workers[1], key)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await use(workers[1], key)


async def test_a_long_request_keeps_its_place(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("veravox.accounts.redis_counters.LEASE_SECONDS", 2)
    quota, key = Quota.from_url(redis_url), api_key(Plan.ENTERPRISE, concurrent_requests=1)
    async with quota.admit(key):
        await asyncio.sleep(4)
        with pytest.raises(RateLimited):
            await use(quota, key)
    await use(quota, key)
    await quota.close()


KILLED_WORKER = """
import asyncio, os, sys
import veravox.accounts.redis_counters as counters
from tests.quota_factory import api_key
from veravox.accounts import Plan, Quota

counters.LEASE_SECONDS = 2

async def main():
    quota = Quota.from_url(sys.argv[1])
    async with quota.admit(api_key(Plan.ENTERPRISE, key_id=sys.argv[2], concurrent_requests=1)):
        os.kill(os.getpid(), 9)

asyncio.run(main())
"""


async def test_places_of_a_killed_worker_free_themselves(redis_url: str) -> None:
    key = api_key(Plan.ENTERPRISE, concurrent_requests=1)
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED_WORKER, redis_url, key.id
    )
    assert await asyncio.wait_for(worker.wait(), timeout=30) == -9
    quota = Quota.from_url(redis_url)
    with pytest.raises(RateLimited):
        await use(quota, key)
    await asyncio.sleep(3)
    await use(quota, key)
    await quota.close()


async def test_counts_leave_redis_by_themselves(workers, redis_url: str) -> None:
    key = api_key()
    async with workers[0].admit(key):
        client = redis_asyncio.Redis.from_url(redis_url)
        names = [name async for name in client.scan_iter(f"*{key.id}*")]
        lifetimes = [await client.ttl(name) for name in names]
        await client.aclose()
    assert len(names) == 2
    assert all(0 < lifetime <= 60 for lifetime in lifetimes)
