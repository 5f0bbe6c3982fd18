"""Recordings from announcement to deletion, on a real database and a real folder."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from sqlalchemy import update

from tests.analysis_factory import make_analysis
from veravox.analysis import AnalysisOptions
from veravox.db import Database, upgrade
from veravox.db.url import sqlite_url
from veravox.errors import Conflict, NotFound, PayloadTooLarge, StorageUnavailable
from veravox.files import (
    AnalysisRunner,
    CreatedFile,
    FileRepository,
    FileRequest,
    FileService,
    FileTerms,
    Housekeeping,
    RunnerTerms,
    UploadPart,
)
from veravox.files.file import MEBIBYTE, MOST_PARTS, SMALLEST_PART, part_size
from veravox.files.housekeeping import LOOK_PAUSE
from veravox.files.tables import FileRow
from veravox.jobs import JobQueue, RetryLater
from veravox.predictions import (
    PredictionQueue,
    PredictionRepository,
    PredictionRequest,
    Status,
)
from veravox.storage import LocalStorage
from veravox.storage.signing import Permission, UrlSigner

pytestmark = pytest.mark.anyio

DAY = timedelta(days=1)
AT_ONCE = timedelta(0)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@dataclass(frozen=True)
class House:
    """The parts of an installation, of which none works by itself."""

    folder: Path
    database: Database
    storage: LocalStorage
    jobs: JobQueue
    queue: PredictionQueue
    files: FileService
    repository: PredictionRepository

    def runner(self, analyse=None, attempts: int = 3, keep_audio: timedelta = AT_ONCE):
        terms = RunnerTerms(attempts, keep_audio, keep_failed=DAY)
        analyse = analyse or (lambda *_: make_analysis())
        return AnalysisRunner(self.database, self.storage, self.queue, analyse, terms, 1)

    def housekeeping(self) -> Housekeeping:
        return Housekeeping(
            self.database, self.storage, self.jobs, self.queue, self.files, keep_results=None
        )

    def objects(self) -> list[Path]:
        return [path for path in self.folder.rglob("*") if path.is_file()]

    async def status(self, prediction_id: str) -> Status:
        return (await self.repository.get("tenant", prediction_id)).status

    async def upload(self, part: UploadPart, content: bytes) -> None:
        """As the route does it."""
        url = urlsplit(part.request.url)
        key = url.path.rpartition("/")[2]
        query = dict(parse_qsl(url.query))
        file = await self.files.awaited(key)
        permission = self.storage.verify("PUT", key, query)
        await self.storage.receive(permission, one(content), len(content))
        if not permission.part:
            await self.files.look_for(file)

    async def uploaded(self, content: bytes = b"sound") -> str:
        created = await self.files.create("tenant", "free", request())
        await self.upload(created.parts[0], content)
        return created.prediction.id


async def one(content: bytes) -> AsyncIterator[bytes]:
    yield content


def house_in(folder: Path, within: timedelta = DAY, largest_single_upload: int = 10**9) -> House:
    url = sqlite_url(folder / "test.db")
    upgrade(url)
    database = Database(url)
    signer = UrlSigner(b"a secret")
    storage = LocalStorage(folder / "objects", signer, largest_single_upload)
    jobs = JobQueue(url)
    queue = PredictionQueue(database)
    repository = PredictionRepository(database)
    terms = FileTerms(largest=10**8, upload_within=within)
    files = FileService(database, storage, jobs, queue, repository, terms)
    return House(folder / "objects", database, storage, jobs, queue, files, repository)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = house_in(tmp_path)
    async with house.jobs.opened():
        yield house
    await house.database.close()


@pytest.fixture
async def hasty(tmp_path: Path) -> AsyncIterator[House]:
    """An installation where the time to upload is over at once."""
    house = house_in(tmp_path, within=AT_ONCE)
    async with house.jobs.opened():
        yield house
    await house.database.close()


@pytest.fixture
async def dividing(tmp_path: Path) -> AsyncIterator[House]:
    """An installation that wants everything above a megabyte in parts."""
    house = house_in(tmp_path, largest_single_upload=MEBIBYTE)
    async with house.jobs.opened():
        yield house
    await house.database.close()


def request(**changes: object) -> FileRequest:
    wanted = PredictionRequest(AnalysisOptions(), "stable-latest")
    return replace(FileRequest(wanted, "a.wav"), **changes)


async def test_an_uploaded_recording_is_analysed_and_deleted(house: House) -> None:
    name = await house.uploaded()
    assert await house.status(name) is Status.QUEUED
    await house.runner().handle("tenant", name)
    assert (await house.repository.get("tenant", name)).completed == make_analysis()
    assert house.objects() == []


async def test_a_message_that_comes_again_changes_nothing(house: House) -> None:
    runs = []

    def analyse(*_):
        runs.append(1)
        return make_analysis()

    name = await house.uploaded()
    for _ in range(3):
        await house.runner(analyse).handle("tenant", name)
    await house.runner(analyse).handle("tenant", "unknown")
    assert len(runs) == 1


async def test_a_message_for_what_another_works_on_comes_again_later(house: House) -> None:
    name = await house.uploaded()
    await house.queue.claim("tenant", name)
    with pytest.raises(RetryLater) as later:
        await house.runner().handle("tenant", name)
    assert 0 < later.value.seconds <= house.queue.lease.total_seconds()


async def test_an_outage_of_the_storage_is_no_attempt(house: House) -> None:
    def analyse(*_):
        raise StorageUnavailable("away")

    name = await house.uploaded()
    for _ in range(5):
        with pytest.raises(RetryLater):
            await house.runner(analyse, attempts=1).handle("tenant", name)
    await house.runner(attempts=1).handle("tenant", name)
    assert await house.status(name) is Status.COMPLETED


async def test_what_fails_every_time_is_given_up_and_may_be_tried_again(house: House) -> None:
    def analyse(*_):
        raise ZeroDivisionError

    name = await house.uploaded()
    for _ in range(2):
        with pytest.raises(RetryLater):
            await house.runner(analyse, attempts=2).handle("tenant", name)
    await house.runner(analyse, attempts=2).handle("tenant", name)
    given_up = await house.repository.get("tenant", name)
    assert given_up.status is Status.FAILED
    assert given_up.failure is not None
    assert "begun 2 times" in given_up.failure.message
    assert (await house.files.retry("tenant", name)).status is Status.QUEUED
    with pytest.raises(Conflict, match="not failed"):
        await house.files.retry("tenant", name)
    await house.runner().handle("tenant", name)
    assert await house.status(name) is Status.COMPLETED


async def test_a_cancelled_analysis_has_no_result(house: House) -> None:
    name = await house.uploaded()
    claimed = await house.queue.claim("tenant", name)
    assert (await house.files.cancel("tenant", name)).status is Status.CANCELED
    assert house.objects() == []
    async with house.database.transaction() as session:
        assert not await house.queue.complete(session, claimed, make_analysis())
    assert await house.status(name) is Status.CANCELED


async def test_what_is_not_uploaded_in_time_expires(hasty: House) -> None:
    created = await hasty.files.create("tenant", "free", request())
    with pytest.raises(Conflict, match="time is over"):
        await hasty.upload(created.parts[0], b"late")
    await look_around(hasty)
    assert await hasty.status(created.prediction.id) is Status.EXPIRED
    with pytest.raises(Conflict, match="expired"):
        await hasty.files.start("tenant", created.prediction.id)


async def look_around(house: House) -> None:
    """Housekeeping, as if the last look had been a while ago."""
    async with house.database.transaction() as session:
        await session.execute(update(FileRow).values(looked_at=datetime.now(UTC) - 2 * LOOK_PAUSE))
    await house.housekeeping().look_for_arrivals()


async def test_an_upload_that_ends_too_late_leaves_nothing(hasty: House) -> None:
    created = await hasty.files.create("tenant", "free", request())
    file_id = urlsplit(created.parts[0].request.url).path.rpartition("/")[2]
    async with hasty.database.transaction() as session:
        file = await FileRepository().get(session, file_id)
    assert file is not None
    await hasty.files.cancel("tenant", created.prediction.id)
    await hasty.storage.receive(Permission("PUT", file_id, 0), one(b"late"), 100)
    assert hasty.objects() != []
    await hasty.files.look_for(file)
    assert hasty.objects() == []
    assert await hasty.status(created.prediction.id) is Status.CANCELED


async def test_what_is_larger_than_announced_is_refused(house: House) -> None:
    with pytest.raises(PayloadTooLarge):
        await house.files.create("tenant", "free", request(size=10**8 + 1))


async def test_parts_are_uploaded_in_any_order_and_then_started(dividing: House) -> None:
    size = SMALLEST_PART + 5
    created = await dividing.files.create("tenant", "free", request(size=size))
    name = created.prediction.id
    assert [(part.number, part.size) for part in created.parts] == [(1, SMALLEST_PART), (2, 5)]
    await dividing.upload(created.parts[1], b"12345")
    with pytest.raises(Conflict, match="not been uploaded"):
        await dividing.files.start("tenant", name)
    await dividing.upload(created.parts[0], bytes(SMALLEST_PART))
    assert (await dividing.files.start("tenant", name)).status is Status.QUEUED
    await dividing.files.delete("tenant", name)
    assert dividing.objects() == []
    with pytest.raises(NotFound):
        await dividing.files.get("tenant", name)


async def test_an_open_upload_in_parts_is_deleted_with_its_prediction(dividing: House) -> None:
    created: CreatedFile = await dividing.files.create(
        "tenant", "free", request(size=SMALLEST_PART + 5)
    )
    await dividing.files.delete("tenant", created.prediction.id)
    assert dividing.objects() == []


@pytest.mark.parametrize("size", [1, 10**9, 64 * 10**9, 5 * 10**12])
def test_there_are_never_too_many_parts(size: int) -> None:
    assert -(-size // part_size(size)) <= MOST_PARTS
    assert part_size(size) <= 5 * 1024**3
