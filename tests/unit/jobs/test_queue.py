"""The embedded queue: messages come when the transaction has committed, in order, and again."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from veravox.db import Database, upgrade
from veravox.db.url import sqlite_url
from veravox.jobs import JobQueue, Lane, Message, RetryLater

pytestmark = pytest.mark.anyio

PATIENCE_SECONDS = 30.0


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Inbox:
    """A handler that keeps what it was given, and may fail at first."""

    def __init__(self, *failures: Exception) -> None:
        self.messages: list[str] = []
        self._failures = list(failures)
        self._news = asyncio.Event()

    async def handle(self, name: str) -> None:
        self.messages.append(name)
        self._news.set()
        if self._failures:
            raise self._failures.pop(0)

    async def holds(self, condition: Callable[[list[str]], bool]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition(self.messages):
                self._news.clear()
                await self._news.wait()


class Office:
    """A queue, a database, and what was received."""

    def __init__(self, database: Database, queue: JobQueue) -> None:
        self.database = database
        self.queue = queue

    async def send(self, *messages: Message) -> None:
        async with self.database.transaction() as session:
            for message in messages:
                await self.queue.send(session, message)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """At work while the block runs."""
        work = asyncio.create_task(self.queue.run())
        try:
            yield
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    url = sqlite_url(tmp_path / "test.db")
    upgrade(url)
    database = Database(url)
    queue = JobQueue(url)
    async with queue.opened():
        yield Office(database, queue)
    await database.close()


def message(name: str, lane: str = "letters", **changes: object) -> Message:
    return Message(lane=lane, key=name, arguments={"name": name}, **changes)


async def test_messages_come_by_priority_and_then_in_order(office: Office) -> None:
    inbox = Inbox()
    office.queue.add_lane(Lane("letters", inbox.handle))
    await office.send(
        message("low", priority=-5), message("a"), message("b"), message("high", priority=5)
    )
    async with office.open():
        await inbox.holds(lambda got: len(got) == 4)
    assert inbox.messages == ["high", "a", "b", "low"]


async def test_a_transaction_that_fails_sends_nothing(office: Office) -> None:
    inbox = Inbox()
    office.queue.add_lane(Lane("letters", inbox.handle))

    async def fail() -> None:
        async with office.database.transaction() as session:
            await office.queue.send(session, message("never"))
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        await fail()
    await office.send(message("after"))
    async with office.open():
        await inbox.holds(lambda got: "after" in got)
    assert inbox.messages == ["after"]


async def test_a_message_whose_handler_fails_comes_again(office: Office) -> None:
    inbox = Inbox(RetryLater(0.0), RetryLater(0.0))
    office.queue.add_lane(Lane("letters", inbox.handle))
    async with office.open():
        await office.send(message("a"))
        await inbox.holds(lambda got: len(got) == 3)


async def test_a_message_that_was_handled_is_gone(office: Office) -> None:
    inbox = Inbox()
    office.queue.add_lane(Lane("letters", inbox.handle))
    async with office.open():
        await office.send(message("a"))
        await inbox.holds(lambda got: got == ["a"])
        await asyncio.sleep(0.1)
        assert await office.queue.send_missing([message("a")]) == 1
        await inbox.holds(lambda got: got == ["a", "a"])


async def test_of_messages_with_one_key_one_waits(office: Office) -> None:
    inbox = Inbox()
    office.queue.add_lane(Lane("letters", inbox.handle))
    await office.send(message("a"), message("a"))
    assert await office.queue.send_missing([message("a"), message("b")]) == 1
    async with office.open():
        await inbox.holds(lambda got: "b" in got)
    assert inbox.messages == ["a", "b"]


async def test_nothing_comes_before_its_time(office: Office) -> None:
    inbox = Inbox()
    office.queue.add_lane(Lane("letters", inbox.handle))
    later = datetime.now(UTC) + timedelta(seconds=1.0)
    await office.send(message("later", not_before=later), message("now"))
    async with office.open():
        await inbox.holds(lambda got: got == ["now"])
        await inbox.holds(lambda got: got == ["now", "later"])
    assert datetime.now(UTC) >= later


async def test_a_lane_that_is_busy_does_not_hold_up_another(office: Office) -> None:
    released = asyncio.Event()
    inbox = Inbox()

    async def wait(name: str) -> None:
        await released.wait()

    office.queue.add_lane(Lane("slow", wait))
    office.queue.add_lane(Lane("letters", inbox.handle))
    async with office.open():
        await office.send(message("stuck", "slow"), message("stuck too", "slow"))
        await office.send(message("quick"))
        await inbox.holds(lambda got: got == ["quick"])
        released.set()


async def test_what_was_begun_is_finished_before_the_end(office: Office) -> None:
    begun, finished = asyncio.Event(), asyncio.Event()

    async def handle(name: str) -> None:
        begun.set()
        await asyncio.sleep(0.2)
        finished.set()

    office.queue.add_lane(Lane("letters", handle))
    office.queue.add_lane(Lane("idle", Inbox().handle))
    async with office.open():
        await office.send(message("a"))
        await begun.wait()
    assert finished.is_set()


async def test_thousands_of_messages_are_no_burden(office: Office) -> None:
    inbox = Inbox()
    office.queue.add_lane(Lane("letters", inbox.handle, concurrency=4))
    names = [f"m{number}" for number in range(1_000)]
    assert await office.queue.send_missing([message(name) for name in names]) == 1_000
    async with office.open():
        await inbox.holds(lambda got: len(got) == 1_000)
    assert inbox.messages[:10] == names[:10]
