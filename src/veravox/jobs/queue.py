"""One queue over procrastinate: in PostgreSQL, or embedded in the memory of this process.

In PostgreSQL a message is written by the transaction that makes it necessary. Embedded, it is put
into memory when that transaction has committed; whoever owns the rows puts the messages of all
unfinished ones in again when the process starts, because memory does not outlive it.

Messages of a worker that died are given to others: a worker that has shown no sign of life for
STALLED_SECONDS is taken for dead. A message never leaves the queue but by being handled.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from random import SystemRandom

import structlog
from procrastinate import App, BaseRetryStrategy, PsycopgConnector, RetryDecision
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.jobs import Job
from procrastinate.manager import JobManager
from sqlalchemy import URL, event
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from veravox.jobs.embedded import EmbeddedConnector
from veravox.jobs.messages import Lane, Message, RetryLater

HEARTBEAT_SECONDS = 5.0
STALLED_SECONDS = 20.0
POLL_SECONDS = 2.0
RESTART_SECONDS = 2.0
LONGEST_WAIT_SECONDS = 60.0
CONNECT_SECONDS = 5.0
POOL_SIZE = 8

_CHANCE = SystemRandom()
_log = structlog.get_logger(__name__)


class _Clock:
    """The time of the database, which decides when a message is due, whatever this host's is."""

    def __init__(self) -> None:
        self._ahead = timedelta(0)

    def set(self, database_now: datetime) -> None:
        self._ahead = database_now - datetime.now(UTC)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead


class _Again(BaseRetryStrategy):
    """Every message comes again: when its handler says, else after ever longer waits."""

    def __init__(self, clock: _Clock) -> None:
        self._clock = clock

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision:
        if isinstance(exception, RetryLater):
            seconds = exception.seconds
        else:
            seconds = min(2.0 ** min(job.attempts, 10), LONGEST_WAIT_SECONDS)
        wait = timedelta(seconds=seconds * _CHANCE.uniform(1.0, 1.2))
        return RetryDecision(retry_at=self._clock.now() + wait)


class JobQueue:
    """The queue of one installation, as one process sees it."""

    def __init__(self, url: URL) -> None:
        """`url` is that of the database: the queue is in it when it is PostgreSQL."""
        self.embedded = url.get_backend_name() != "postgresql"
        self._memory = EmbeddedConnector()
        self._app = App(connector=self._memory if self.embedded else _postgresql(url))
        self._clock = _Clock()
        self._lanes: list[Lane] = []
        self._pending: set[asyncio.Task[None]] = set()

    @property
    def _manager(self) -> JobManager:
        return self._app.job_manager

    def add_lane(self, lane: Lane) -> None:
        """Let `run` take the messages of one more lane."""
        self._app.task(name=lane.name, queue=lane.name, retry=_Again(self._clock))(lane.handler)
        self._lanes.append(lane)

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[None]:
        """The queue can be used within the block. Raises ConnectorException."""
        async with self._app.open_async():
            yield

    async def send(self, session: AsyncSession, message: Message) -> None:
        """Put a message into the queue exactly when the transaction of `session` commits."""
        if self.embedded:
            self._send_after_commit(session, message)
            return
        connection = await (await session.connection()).get_raw_connection()
        try:
            async with session.begin_nested():
                await self._manager.defer_job_async(
                    _job(message), connection=connection.driver_connection
                )
        except AlreadyEnqueued:
            return

    async def send_missing(self, messages: Sequence[Message]) -> int:
        """Put in those messages that are neither waiting nor being handled; how many they were."""
        present = await self._present({message.key for message in messages})
        missing = [_job(message) for message in messages if message.key not in present]
        for job in missing:
            await self._defer(job)
        return len(missing)

    async def rescue(self) -> int:
        """Put back the messages of workers that died; how many they were."""
        await self._set_clock()
        stalled = await self._manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_SECONDS)
        rescued = 0
        for job in stalled:
            try:
                await self._manager.retry_job(job, retry_at=self._clock.now())
            except ConnectorException:
                _log.info("a stalled message was already put back", key=job.queueing_lock)
            else:
                rescued += 1
        return rescued

    async def run(self) -> None:
        """Handle the messages of all lanes until cancelled; then what was begun is finished."""
        async with asyncio.TaskGroup() as lanes:
            for lane in self._lanes:
                lanes.create_task(self._run_lane(lane))

    async def _run_lane(self, lane: Lane) -> None:
        """A worker, started again whenever it ends because the database was away."""
        while lane.concurrency:
            try:
                await self._set_clock()
                await self._app.run_worker_async(
                    queues=[lane.name],
                    name=lane.name,
                    concurrency=lane.concurrency,
                    fetch_job_polling_interval=POLL_SECONDS,
                    update_heartbeat_interval=HEARTBEAT_SECONDS,
                    stalled_worker_timeout=STALLED_SECONDS,
                    delete_jobs="always",
                    install_signal_handlers=False,
                )
            except ConnectorException as error:
                _log.warning("the job queue does not answer", lane=lane.name, reason=str(error))
            except Exception:
                _log.exception("a worker ended; it is started again", lane=lane.name)
            await asyncio.sleep(RESTART_SECONDS)

    async def _set_clock(self) -> None:
        """The clock of a host may be set at any time."""
        if not self.embedded:
            query = "SELECT clock_timestamp() AS now"
            self._clock.set((await self._app.connector.execute_query_one_async(query))["now"])

    def _send_after_commit(self, session: AsyncSession, message: Message) -> None:
        loop = asyncio.get_running_loop()

        def defer(_session: Session) -> None:
            task = loop.create_task(self._defer(_job(message)))
            self._pending.add(task)
            task.add_done_callback(self._pending.discard)

        event.listen(session.sync_session, "after_commit", defer, once=True)

    async def _defer(self, job: Job) -> None:
        try:
            await self._manager.defer_job_async(job)
        except AlreadyEnqueued:
            return

    async def _present(self, keys: set[str]) -> set[str]:
        if self.embedded:
            return self._memory.waiting_keys()
        rows = await self._app.connector.execute_query_all_async(
            "SELECT queueing_lock FROM procrastinate_jobs"
            " WHERE queueing_lock = ANY(%(keys)s) AND status IN ('todo', 'doing')",
            keys=sorted(keys),
        )
        return {row["queueing_lock"] for row in rows}


def _postgresql(url: URL) -> PsycopgConnector:
    return PsycopgConnector(
        conninfo=url.set(drivername="postgresql").render_as_string(hide_password=False),
        min_size=1,
        max_size=POOL_SIZE,
        timeout=CONNECT_SECONDS,
        kwargs={"connect_timeout": int(CONNECT_SECONDS)},
    )


def _job(message: Message) -> Job:
    return Job(
        queue=message.lane,
        task_name=message.lane,
        priority=message.priority,
        lock=None,
        queueing_lock=message.key,
        task_kwargs=dict(message.arguments),
        scheduled_at=message.not_before,
    )
