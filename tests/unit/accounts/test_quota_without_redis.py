import socket
import time
from collections.abc import Iterator

import pytest
from prometheus_client import REGISTRY

from tests.quota_factory import api_key
from veravox.accounts import Quota
from veravox.settings import InvalidSettings

pytest.importorskip("redis")

pytestmark = pytest.mark.anyio


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that accepts connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def failures() -> float:
    return REGISTRY.get_sample_value("veravox_rate_limit_backend_failures_total") or 0.0


async def admit(quota: Quota, times: int) -> None:
    for _ in range(times):
        async with quota.admit(api_key()) as usage:
            assert usage.limit == 10


async def test_without_redis_every_request_is_admitted_and_counted_by_a_metric() -> None:
    quota = Quota.from_url("redis://127.0.0.1:1/0")
    before = failures()
    key = api_key()
    for _ in range(12):
        async with quota.admit(key):
            pass
    assert failures() >= before + 12
    await quota.close()


async def test_a_redis_that_is_silent_delays_the_first_request_only(silent_port: int) -> None:
    quota = Quota.from_url(f"redis://127.0.0.1:{silent_port}/0")
    started = time.monotonic()
    await admit(quota, 1)
    first = time.monotonic() - started
    await admit(quota, 50)
    assert first < 1.0
    assert time.monotonic() - started - first < 0.5
    await quota.close()


def test_an_address_that_is_not_redis_is_an_invalid_setting() -> None:
    with pytest.raises(InvalidSettings, match="redis_url"):
        Quota.from_url("http://127.0.0.1")
