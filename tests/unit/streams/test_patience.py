"""Waits end after a while, when told to, and when their task is cancelled."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from veravox.streams.patience import Patience

SECONDS = 0.2
LONG = 60.0


def run(course: Callable[[Patience], Awaitable[None]], seconds: float = SECONDS) -> None:
    async def whole() -> None:
        patience = Patience(seconds)
        try:
            await course(patience)
        finally:
            patience.close()

    asyncio.run(whole())


def test_what_comes_in_time_is_given_however_often():
    async def course(patience: Patience) -> None:
        for number in range(8):
            assert await patience.wait(asyncio.sleep(SECONDS / 5, number)) == number

    run(course)


def test_a_wait_ends_after_the_time_and_the_task_goes_on():
    async def course(patience: Patience) -> None:
        started = asyncio.get_running_loop().time()
        with pytest.raises(TimeoutError):
            await patience.wait(asyncio.sleep(LONG))
        waited = asyncio.get_running_loop().time() - started
        assert SECONDS <= waited < LONG / 2
        assert await patience.wait(asyncio.sleep(0, "later")) == "later"
        assert asyncio.current_task().cancelling() == 0

    run(course)


def test_work_between_waits_does_not_count():
    async def course(patience: Patience) -> None:
        await asyncio.sleep(3 * SECONDS)
        assert await patience.wait(asyncio.sleep(SECONDS / 4, "came")) == "came"

    run(course)


def test_a_wait_is_ended_from_elsewhere():
    async def course(patience: Patience) -> None:
        asyncio.get_running_loop().call_later(SECONDS / 4, patience.end)
        with pytest.raises(TimeoutError):
            await patience.wait(asyncio.sleep(LONG))

    run(course, seconds=LONG)


def test_ending_where_nobody_waits_changes_nothing():
    async def course(patience: Patience) -> None:
        patience.end()
        assert await patience.wait(asyncio.sleep(0, "came")) == "came"

    run(course)


def test_a_cancelled_task_is_cancelled_also_while_its_wait_ends():
    async def course(patience: Patience) -> None:
        waiting = asyncio.create_task(patience.wait(asyncio.sleep(LONG)))
        await asyncio.sleep(0)
        patience.end()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    run(course, seconds=LONG)


def test_what_the_awaited_raises_is_passed_on():
    async def failing() -> None:
        raise ValueError("no")

    async def course(patience: Patience) -> None:
        with pytest.raises(ValueError, match="no"):
            await patience.wait(failing())

    run(course)
