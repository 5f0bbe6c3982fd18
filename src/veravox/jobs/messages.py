"""What is put into the queue, and who takes it out."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

Handler = Callable[..., Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Message:
    """A call of a lane's handler with `arguments`, which JSON can hold.

    Of messages with one `key` at most one waits. A larger `priority` comes first; nothing comes
    before the moment `not_before`.
    """

    lane: str
    key: str
    arguments: Mapping[str, str]
    priority: int = 0
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Lane:
    """A kind of work with places of its own: `concurrency` messages at a time in each process.

    `handler` is a coroutine function that is called with a message's arguments. It must do the
    right thing when a message comes twice. When it raises, the message comes again.
    """

    name: str
    handler: Handler = field(repr=False)
    concurrency: int = 1


class RetryLater(Exception):
    """Raised by a handler: the message is to come again after `seconds`, at no loss."""

    def __init__(self, seconds: float) -> None:
        """`seconds` from now, 0 or more."""
        super().__init__(f"again in {seconds:.1f} s")
        self.seconds = seconds
