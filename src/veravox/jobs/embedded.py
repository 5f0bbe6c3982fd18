"""The queue in the memory of one process, for installations without PostgreSQL."""

from collections.abc import Iterable
from typing import Any

from procrastinate.connector import Notify
from procrastinate.testing import InMemoryConnector


class EmbeddedConnector(InMemoryConnector):
    """Procrastinate's own in-memory connector, made fit to run for long.

    It forgets the statements it was given, lets several lanes listen, and counts no locks, which
    are not used here and would make every fetch quadratic in the length of the queue.
    """

    def __init__(self) -> None:
        """An empty queue."""
        super().__init__()
        self._listeners: list[Notify] = []

    async def generic_execute(self, query: str, suffix: Any, **arguments: Any) -> Any:
        """As the parent's, without keeping a record of the call."""
        outcome = await super().generic_execute(query, suffix, **arguments)
        self.queries.clear()
        return outcome

    @property
    def current_locks(self) -> Iterable[str]:
        """None, ever."""
        return ()

    async def listen_notify(self, on_notification: Notify, channels: Iterable[str]) -> None:
        """Tell one more listener of every message; it ignores those of other lanes."""
        self._listeners.append(on_notification)
        self.on_notification = self._tell_all
        self.notify_channels = [*self.notify_channels, *channels]

    async def _tell_all(self, *, channel: str, payload: str) -> None:
        for listener in self._listeners:
            await listener(channel=channel, payload=payload)

    def waiting_keys(self) -> set[str]:
        """The keys of all messages that wait or are being worked on."""
        return {job["queueing_lock"] for job in self.jobs.values()}
