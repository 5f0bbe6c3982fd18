"""Queued predictions against a real database: turns, claims, and who hears of the end."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from tests.analysis_factory import make_analysis
from veravox.analysis import AnalysisOptions, Progress
from veravox.db import Database, upgrade
from veravox.db.url import sqlite_url
from veravox.predictions import (
    Claimed,
    Failure,
    FinishedPrediction,
    PredictionQueue,
    PredictionRepository,
    PredictionRequest,
    Status,
)

pytestmark = pytest.mark.anyio

REQUEST = PredictionRequest(AnalysisOptions(), "stable-latest")
DIGEST = b"d" * 32
AT_ONCE = timedelta(0)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    url = sqlite_url(tmp_path / "test.db")
    upgrade(url)
    database = Database(url)
    yield database
    await database.close()


class Diary:
    """A listener that writes down what it hears, or refuses to."""

    def __init__(self, *, refusing: bool = False) -> None:
        self.events: list[FinishedPrediction] = []
        self.refusing = refusing

    async def finished(self, session: AsyncSession, event: FinishedPrediction) -> None:
        if self.refusing:
            raise ValueError("no")
        self.events.append(event)


async def queue_one(
    queue: PredictionQueue, database: Database, tenant: str, name: str, plan: str = "free"
) -> None:
    async with database.transaction() as session:
        await queue.add(session, tenant, name, DIGEST, REQUEST, plan, "https://hook.example")
        assert await queue.enqueue(session, tenant, name) is not None


async def order(queue: PredictionQueue) -> list[str]:
    return [item.prediction.id for item in await queue.waiting(1000)]


async def claimed(queue: PredictionQueue, name: str = "a") -> Claimed:
    claim = await queue.claim("tenant", name)
    assert isinstance(claim, Claimed)
    return claim


async def test_a_newcomer_does_not_wait_for_all_of_anothers_recordings(database: Database) -> None:
    queue = PredictionQueue(database)
    for number in range(30):
        await queue_one(queue, database, "crowd", f"crowd{number}")
    await queue_one(queue, database, "newcomer", "mine")
    assert (await order(queue)).index("mine") <= 2


async def test_tenants_of_one_plan_take_turns(database: Database) -> None:
    queue = PredictionQueue(database)
    for tenant in ("a", "b"):
        for number in range(4):
            await queue_one(queue, database, tenant, f"{tenant}{number}")
    names = await order(queue)
    assert [name[1] for name in names] == ["0", "0", "1", "1", "2", "2", "3", "3"]


async def test_a_better_plan_gets_a_larger_share(database: Database) -> None:
    queue = PredictionQueue(database)
    for number in range(20):
        await queue_one(queue, database, "small", f"free{number}", "free")
        await queue_one(queue, database, "large", f"enterprise{number}", "enterprise")
    first = (await order(queue))[:18]
    assert sum(name.startswith("enterprise") for name in first) == 16
    assert sum(name.startswith("free") for name in first) == 2


async def test_turns_go_on_from_the_one_that_is_served(database: Database) -> None:
    queue = PredictionQueue(database)
    for number in range(6):
        await queue_one(queue, database, "tenant", f"old{number}")
    for number in range(4):
        claim = await claimed(queue, f"old{number}")
        async with database.transaction() as session:
            await queue.complete(session, claim, make_analysis())
    await queue_one(queue, database, "newcomer", "new")
    await queue_one(queue, database, "tenant", "last")
    assert (await order(queue))[-1] == "last"


async def test_who_always_has_one_recording_does_not_overtake_forever(database: Database) -> None:
    queue = PredictionQueue(database)
    await queue_one(queue, database, "tenant", "endless")
    await claimed(queue, "endless")
    for number in range(10):
        await queue_one(queue, database, "crowd", f"crowd{number}")
    for number in range(9):
        await queue_one(queue, database, "tenant", f"next{number}")
        for name in (await order(queue))[:3]:
            claim = await queue.claim("tenant" if "next" in name else "crowd", name)
            if isinstance(claim, Claimed):
                async with database.transaction() as session:
                    await queue.complete(session, claim, make_analysis())
    assert len([name for name in await order(queue) if "crowd" in name]) <= 2


async def test_of_two_workers_one_gets_the_claim(database: Database) -> None:
    queue = PredictionQueue(database)
    await queue_one(queue, database, "tenant", "a")
    claims = await asyncio.gather(*(queue.claim("tenant", "a") for _ in range(8)))
    assert sum(isinstance(claim, Claimed) for claim in claims) == 1
    others = [claim for claim in claims if not isinstance(claim, Claimed)]
    assert all(isinstance(wait, timedelta) and wait <= queue.lease for wait in others)


async def test_who_lost_the_claim_changes_nothing(database: Database) -> None:
    diary = Diary()
    queue = PredictionQueue(database, [diary], lease=AT_ONCE)
    await queue_one(queue, database, "tenant", "a")
    late, quick = await claimed(queue), await claimed(queue)
    assert quick.attempt == 2
    assert not await queue.report(late, Progress(0.9))
    async with database.transaction() as session:
        assert not await queue.complete(session, late, make_analysis())
        assert await queue.complete(session, quick, make_analysis(-3.0))
        assert not await queue.fail(session, quick, Failure("x", "y"))
    assert len(diary.events) == 1
    assert await queue.claim("tenant", "a") is None


async def test_listeners_hear_of_every_end_and_of_nothing_else(database: Database) -> None:
    diary = Diary()
    queue = PredictionQueue(database, [diary])
    for name in ("completed", "failed", "canceled", "released"):
        await queue_one(queue, database, "tenant", name)
    claim = await claimed(queue, "completed")
    await queue.report(claim, Progress(0.5, 10.0, 2, 1))
    async with database.transaction() as session:
        await queue.complete(session, claim, make_analysis())
    claim = await claimed(queue, "failed")
    async with database.transaction() as session:
        await queue.fail(session, claim, Failure("unsupported_format", "It is a PDF"))
        await queue.close(session, "tenant", "canceled", Status.CANCELED)
    await queue.release(await claimed(queue, "released"), counted=True)
    heard = {event.prediction.id: event for event in diary.events}
    assert {name: event.prediction.status for name, event in heard.items()} == {
        "completed": Status.COMPLETED,
        "failed": Status.FAILED,
        "canceled": Status.CANCELED,
    }
    assert heard["completed"].prediction.completed == make_analysis()
    assert heard["failed"].prediction.failure == Failure("unsupported_format", "It is a PDF")
    assert all(event.webhook_url == "https://hook.example" for event in diary.events)


async def test_a_listener_that_fails_undoes_the_end(database: Database) -> None:
    queue = PredictionQueue(database, [Diary(refusing=True)])
    await queue_one(queue, database, "tenant", "a")
    claim = await claimed(queue)

    async def complete() -> None:
        async with database.transaction() as session:
            await queue.complete(session, claim, make_analysis())

    with pytest.raises(ValueError, match="no"):
        await complete()
    prediction = await PredictionRepository(database).get("tenant", "a")
    assert prediction.status is Status.PROCESSING


async def test_a_sent_recording_is_told_of_too(database: Database) -> None:
    diary = Diary()
    repository = PredictionRepository(database, listeners=[diary])
    await repository.add("tenant", "sent", DIGEST, REQUEST, make_analysis())
    claim = await repository.claim("tenant", "own-id", DIGEST, REQUEST)
    assert not isinstance(claim, Claimed)
    await repository.settle(claim, REQUEST, make_analysis())
    assert [event.prediction.id for event in diary.events] == ["sent", "own-id"]


async def test_giving_back_is_counted_only_where_it_was_an_attempt(database: Database) -> None:
    queue = PredictionQueue(database)
    await queue_one(queue, database, "tenant", "a")
    await queue.release(await claimed(queue), counted=False)
    claim = await claimed(queue)
    assert claim.attempt == 1
    await queue.release(claim, counted=True)
    assert (await claimed(queue)).attempt == 2


async def test_a_prediction_is_queued_once(database: Database) -> None:
    queue = PredictionQueue(database)
    await queue_one(queue, database, "tenant", "a")
    async with database.transaction() as session:
        assert await queue.enqueue(session, "tenant", "a") is None
        assert await queue.enqueue(session, "tenant", "unknown") is None


async def test_old_results_are_forgotten_and_unfinished_ones_are_not(database: Database) -> None:
    queue = PredictionQueue(database)
    await queue_one(queue, database, "tenant", "waiting")
    await queue_one(queue, database, "tenant", "done")
    async with database.transaction() as session:
        await queue.close(session, "tenant", "done", Status.CANCELED)
    found = await queue.list((Status.QUEUED,), 10)
    later = found[0].prediction.created_at + timedelta(days=1)
    assert await queue.remove_finished(later, 10) == 1
    assert await queue.remove_finished(later, 10) == 0
    assert await order(queue) == ["waiting"]
