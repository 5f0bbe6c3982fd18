"""What must happen though nobody asks: arrivals, expiries, deletions, rescues.

Each step is guarded by the database, so every process of an installation may keep house.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from random import SystemRandom

import structlog
from anyio import to_thread
from procrastinate.exceptions import ConnectorException
from sqlalchemy.exc import SQLAlchemyError

from veravox.db import Database, database_now
from veravox.errors import Unavailable
from veravox.files.disposal import Disposal
from veravox.files.messages import analysis_message
from veravox.files.repository import FileRepository
from veravox.files.service import FileService
from veravox.jobs import JobQueue
from veravox.predictions import PredictionQueue, Status
from veravox.storage import LocalStorage, Storage

PERIOD_SECONDS = 5.0
LOOK_PAUSE = timedelta(seconds=5)
BATCH = 200

Step = Callable[[], Awaitable[object]]

_CHANCE = SystemRandom()
_log = structlog.get_logger(__name__)


class Housekeeping:
    """Keeps the house of one installation."""

    def __init__(
        self,
        database: Database,
        storage: Storage,
        jobs: JobQueue,
        queue: PredictionQueue,
        files: FileService,
        keep_results: timedelta | None,
        more: Sequence[Step] = (),
    ) -> None:
        """`keep_results` is the time after which predictions are forgotten, None for never.

        `more` are steps of other features.
        """
        self._database = database
        self._storage = storage
        self._jobs = jobs
        self._queue = queue
        self._service = files
        self._keep_results = keep_results
        self._more = tuple(more)
        self._files = FileRepository()
        self._disposal = Disposal(database, storage)

    async def run(self) -> None:
        """Do everything over and over until cancelled."""
        while True:
            for step in self._steps():
                await _attempt(step)
            await asyncio.sleep(PERIOD_SECONDS * _CHANCE.uniform(0.8, 1.2))

    def _steps(self) -> tuple[Step, ...]:
        return (
            self._jobs.rescue,
            self.send_missing,
            self.look_for_arrivals,
            self._disposal.run,
            self.remove_old,
            *self._more,
        )

    async def send_missing(self) -> None:
        """Put into the queue what should be there and is not, such as after a restart."""
        waiting = await self._queue.waiting(BATCH)
        await self._jobs.send_missing(
            [
                analysis_message(item.tenant_id, item.prediction.id, item.turn, item.ready_at)
                for item in waiting
            ]
        )

    async def look_for_arrivals(self) -> None:
        """Queue what was uploaded past this server; let expire what never came."""
        async with self._database.transaction() as session:
            now = await database_now(session)
            awaited = await self._files.awaited(session, now, LOOK_PAUSE, BATCH)
        for file in awaited:
            if await self._service.look_for(file) or file.expires_at > now:
                continue
            async with self._database.transaction() as session:
                await self._queue.close(session, file.tenant_id, file.prediction_id, Status.EXPIRED)
                await self._files.delete_at(session, file.tenant_id, file.prediction_id, now)

    async def remove_old(self) -> None:
        """Forget results whose time is over, and what is left of uploads that broke off."""
        if self._keep_results is not None:
            async with self._database.transaction() as session:
                before = await database_now(session) - self._keep_results
            await self._queue.remove_finished(before, BATCH)
        if isinstance(self._storage, LocalStorage):
            await to_thread.run_sync(self._storage.sweep)


async def _attempt(step: Step) -> None:
    try:
        await step()
    except (SQLAlchemyError, ConnectorException, Unavailable) as error:
        _log.warning("housekeeping has to wait", reason=type(error).__name__)
    except Exception:
        _log.exception("housekeeping failed")
