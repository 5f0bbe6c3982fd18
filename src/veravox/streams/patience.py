"""Waiting for a caller, but not for ever."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

Answer = TypeVar("Answer")


class Patience:
    """Ends the waits of a task when nothing came for a while, or when told to.

    One timer serves them all: `asyncio.timeout` around each of fifty frames a second would cost
    more than the frames.
    """

    def __init__(self, seconds: float) -> None:
        """Each wait may take `seconds`. Belongs to the running event loop; close it at the end."""
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._waiting: asyncio.Task[object] | None = None
        self._since = 0.0
        self._ended = False
        self._timer = self._loop.call_later(seconds, self._look)

    async def wait(self, awaited: Awaitable[Answer]) -> Answer:
        """What `awaited` gives. Raises TimeoutError when it did not come, or the wait was ended."""
        task = asyncio.current_task(self._loop)
        if task is None:
            raise RuntimeError("only a task can wait")
        cancelled_before = task.cancelling()
        self._since, self._waiting = self._loop.time(), task
        try:
            return await awaited
        except asyncio.CancelledError:
            if self._ended and task.cancelling() == cancelled_before + 1:
                raise TimeoutError from None
            raise
        finally:
            self._waiting = None
            if self._ended:
                self._ended = False
                task.uncancel()

    def end(self) -> None:
        """End the wait that goes on, if one does."""
        if self._waiting is not None and not self._ended:
            self._ended = True
            self._waiting.cancel()

    def close(self) -> None:
        """Stop looking at the time."""
        self._timer.cancel()

    def _look(self) -> None:
        now = self._loop.time()
        since = now if self._waiting is None else self._since
        if now - since >= self._seconds:
            self.end()
            since = now
        self._timer = self._loop.call_at(since + self._seconds, self._look)
