"""Predictions against a real database, with analyses that the tests control."""

import asyncio
import io
import threading
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

import pytest

from tests.analysis_factory import make_analysis
from veravox.analysis import Analysis, AnalysisOptions
from veravox.db import Database, upgrade
from veravox.db.url import sqlite_url
from veravox.errors import Conflict, InvalidRequest, NotFound, Unavailable, UndecodableAudio
from veravox.predictions import (
    PredictionFilter,
    PredictionRepository,
    PredictionRequest,
    PredictionService,
    Status,
    Workbench,
)
from veravox.predictions.repository import Claim

pytestmark = pytest.mark.anyio

SHORT = timedelta(seconds=1)

Analyse = Callable[[BinaryIO, AnalysisOptions], Analysis]


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


class Gate:
    """An analysis that waits until it is opened, and counts how often it ran."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.started = threading.Semaphore(0)
        self.runs = 0

    def analyse(self, _media: BinaryIO, _options: AnalysisOptions) -> Analysis:
        self.runs += 1
        self.started.release()
        assert self.opened.wait(10)
        return make_analysis()

    async def reached(self) -> None:
        """Returns when an analysis has begun."""
        assert await asyncio.to_thread(self.started.acquire, timeout=10)


def service_of(
    database: Database,
    analyse: Analyse,
    places: int = 2,
    queue_limit: int = 2,
    claim_lasts: timedelta = timedelta(minutes=1),
) -> PredictionService:
    repository = PredictionRepository(database, claim_lasts)
    return PredictionService(repository, Workbench(places, queue_limit), analyse)


def wanted(prediction_id: str | None = None) -> PredictionRequest:
    return PredictionRequest(AnalysisOptions(), "stable-latest", prediction_id, "api", ("hm",))


async def test_a_kept_prediction_is_what_was_answered(database: Database) -> None:
    service = service_of(database, lambda *_: make_analysis())
    made = await service.predict("tenant", io.BytesIO(b"x"), wanted())
    assert await service.get("tenant", made.id) == made
    assert made.completed == make_analysis()
    assert made.warnings == ("hm",)


async def test_a_prediction_that_is_being_made_is_seen_as_processing(database: Database) -> None:
    gate = Gate()
    service = service_of(database, gate.analyse)
    making = asyncio.create_task(service.predict("tenant", io.BytesIO(b"x"), wanted("mine")))
    await gate.reached()
    assert (await service.get("tenant", "mine")).status is Status.PROCESSING
    with pytest.raises(Conflict, match="still being processed"):
        await service.predict("tenant", io.BytesIO(b"x"), wanted("mine"))
    gate.opened.set()
    assert (await making).status is Status.COMPLETED
    assert gate.runs == 1


async def test_a_failed_analysis_leaves_nothing(database: Database) -> None:
    def fail(_media: BinaryIO, _options: AnalysisOptions) -> Analysis:
        raise UndecodableAudio("broken")

    service = service_of(database, fail)
    for prediction_id in (None, "mine"):
        with pytest.raises(UndecodableAudio):
            await service.predict("tenant", io.BytesIO(b"x"), wanted(prediction_id))
    assert (await service.list("tenant", PredictionFilter())).predictions == ()


async def test_a_cancelled_call_gives_its_id_back(database: Database) -> None:
    gate = Gate()
    service = service_of(database, gate.analyse)
    making = asyncio.create_task(service.predict("tenant", io.BytesIO(b"x"), wanted("mine")))
    await gate.reached()
    making.cancel()
    gate.opened.set()
    with pytest.raises(asyncio.CancelledError):
        await making
    with pytest.raises(NotFound):
        await service.get("tenant", "mine")


async def test_an_id_whose_process_died_is_free_again_after_a_while(database: Database) -> None:
    claim = await PredictionRepository(database).claim("tenant", "mine", b"d" * 32, wanted("mine"))
    assert isinstance(claim, Claim)
    service = service_of(database, lambda *_: make_analysis())
    with pytest.raises(Conflict):
        await service.predict("tenant", io.BytesIO(b"x"), wanted("mine"))
    await PredictionRepository(database, claim_lasts=timedelta(0)).renew(claim)
    with pytest.raises(NotFound):
        await service.get("tenant", "mine")
    assert (await service.predict("tenant", io.BytesIO(b"x"), wanted("mine"))).id == "mine"


async def test_a_long_analysis_keeps_its_id(database: Database) -> None:
    gate = Gate()
    service = service_of(database, gate.analyse, claim_lasts=SHORT)
    making = asyncio.create_task(service.predict("tenant", io.BytesIO(b"x"), wanted("mine")))
    await asyncio.sleep(3 * SHORT.total_seconds())
    with pytest.raises(Conflict, match="still being processed"):
        await service.predict("tenant", io.BytesIO(b"x"), wanted("mine"))
    gate.opened.set()
    await making


async def test_a_prediction_deleted_while_it_is_made_stays_deleted(database: Database) -> None:
    gate = Gate()
    service = service_of(database, gate.analyse)
    making = asyncio.create_task(service.predict("tenant", io.BytesIO(b"x"), wanted("mine")))
    await gate.reached()
    await service.delete("tenant", "mine")
    gate.opened.set()
    assert (await making).status is Status.COMPLETED
    with pytest.raises(NotFound):
        await service.get("tenant", "mine")


async def test_one_more_than_the_queue_holds_is_refused_at_once(database: Database) -> None:
    gate = Gate()
    service = service_of(database, gate.analyse, places=1, queue_limit=1)
    making = [
        asyncio.create_task(service.predict("tenant", io.BytesIO(b"x"), wanted())) for _ in range(2)
    ]
    await gate.reached()
    await asyncio.sleep(0.1)
    with pytest.raises(Unavailable) as refused:
        await service.predict("tenant", io.BytesIO(b"x"), wanted())
    assert refused.value.retry_after >= 1
    gate.opened.set()
    assert all(made.status is Status.COMPLETED for made in await asyncio.gather(*making))


async def test_tenants_do_not_see_each_other(database: Database) -> None:
    service = service_of(database, lambda *_: make_analysis())
    made = await service.predict("one", io.BytesIO(b"x"), wanted())
    with pytest.raises(NotFound):
        await service.get("other", made.id)
    assert (await service.list("other", PredictionFilter())).predictions == ()


@pytest.mark.parametrize("cursor", ["", "x", "AAAA", "MjAyNi0wMS0wMSBh", "ä"])
async def test_a_cursor_of_ones_own_making_is_refused(database: Database, cursor: str) -> None:
    service = service_of(database, lambda *_: make_analysis())
    with pytest.raises(InvalidRequest, match="cursor"):
        await service.list("tenant", PredictionFilter(cursor=cursor))
