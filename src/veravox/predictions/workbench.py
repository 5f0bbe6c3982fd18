"""A bounded number of analyses at work and in the queue, in threads."""

from collections.abc import Callable
from typing import TypeVar

from anyio import CapacityLimiter, to_thread

from veravox.errors import Unavailable
from veravox.telemetry.metrics import QUEUE_DEPTH

Outcome = TypeVar("Outcome")

RETRY_SECONDS = 1


class Workbench:
    """Runs blocking work in `places` threads; `queue_limit` more may wait. One event loop."""

    def __init__(self, places: int, queue_limit: int) -> None:
        """Nothing runs before the first `run`."""
        self._places = places
        self._most = places + queue_limit
        self._inside = 0
        self._limiter = CapacityLimiter(places)

    def ensure_room(self) -> None:
        """Raises Unavailable when a new piece of work would find the queue full."""
        if self._inside >= self._most:
            raise Unavailable("All analysers are busy; try again shortly", RETRY_SECONDS)

    async def run(self, work: Callable[[], Outcome]) -> Outcome:
        """What `work` returns, from a thread. Raises Unavailable at once when the queue is full.

        Work that began is waited for, even when the caller is cancelled.
        """
        self.ensure_room()
        self._change(+1)
        try:
            return await to_thread.run_sync(work, limiter=self._limiter)
        finally:
            self._change(-1)

    def _change(self, step: int) -> None:
        self._inside += step
        QUEUE_DEPTH.set(max(0, self._inside - self._places))
