import asyncio
import sys
import time

import pytest

from tests.quota_factory import api_key
from veravox.accounts import Plan, Quota, RateUsage
from veravox.errors import RateLimited
from veravox.settings import InvalidSettings

pytestmark = pytest.mark.anyio


async def use(quota: Quota, key, times: int = 1) -> list[RateUsage]:
    usages = []
    for _ in range(times):
        async with quota.admit(key) as usage:
            usages.append(usage)
    return usages


async def test_the_eleventh_request_in_a_minute_on_free_is_refused() -> None:
    quota, key = Quota(), api_key()
    assert [usage.remaining for usage in await use(quota, key, 10)] == list(range(9, -1, -1))
    with pytest.raises(RateLimited, match=r"10/10 per minute") as refusal:
        await use(quota, key)
    assert 59 <= refusal.value.retry_after <= 60
    assert refusal.value.usage.limit == 10
    assert refusal.value.usage.remaining == 0
    assert 59 <= refusal.value.usage.reset_at - time.time() <= 61


async def test_the_third_concurrent_request_on_free_is_refused_and_not_counted() -> None:
    quota, key = Quota(), api_key()
    async with quota.admit(key), quota.admit(key):
        with pytest.raises(RateLimited, match=r"2/2 concurrent") as refusal:
            await use(quota, key)
    assert refusal.value.retry_after == 1
    assert (refusal.value.usage.limit, refusal.value.usage.remaining) == (10, 8)
    assert (await use(quota, key))[0].remaining == 7


async def test_a_request_refused_for_the_minute_holds_no_place() -> None:
    quota, key = Quota(), api_key(Plan.ENTERPRISE, requests_per_minute=1, concurrent_requests=1)
    await use(quota, key)
    for _ in range(3):
        with pytest.raises(RateLimited, match="per minute"):
            await use(quota, key)


async def test_a_window_that_slides_admits_again_when_the_oldest_request_leaves_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    quota, key = Quota(), api_key()
    start = time.time()
    monkeypatch.setattr(time, "time", lambda: start)
    await use(quota, key)
    monkeypatch.setattr(time, "time", lambda: start + 30)
    await use(quota, key, 9)
    with pytest.raises(RateLimited) as refusal:
        await use(quota, key)
    assert refusal.value.retry_after in (30, 31)
    monkeypatch.setattr(time, "time", lambda: start + 61)
    await use(quota, key)
    with pytest.raises(RateLimited):
        await use(quota, key)


async def test_keys_do_not_share_limits() -> None:
    quota, first, second = Quota(), api_key(), api_key()
    await use(quota, first, 10)
    assert (await use(quota, second))[0].remaining == 9


async def test_a_failed_or_cancelled_request_gives_its_place_back() -> None:
    quota, key = Quota(), api_key(Plan.ENTERPRISE, concurrent_requests=1)

    async def fail() -> None:
        async with quota.admit(key):
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await fail()

    async def hang() -> None:
        async with quota.admit(key):
            await asyncio.sleep(60)

    task = asyncio.create_task(hang())
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await use(quota, key)


async def test_many_requests_at_once_are_admitted_up_to_the_limit_exactly() -> None:
    quota, key = Quota(), api_key(Plan.ENTERPRISE, concurrent_requests=7)

    async def request() -> bool:
        try:
            async with quota.admit(key):
                await asyncio.sleep(0.05)
        except RateLimited:
            return False
        return True

    admitted = await asyncio.gather(*(request() for _ in range(50)))
    assert sum(admitted) == 7


async def test_a_redis_address_without_the_extra_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "veravox.accounts.redis_counters", raising=False)
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    with pytest.raises(InvalidSettings, match=r"pip install veravox\[redis\]"):
        Quota.from_url("redis://127.0.0.1/0")
