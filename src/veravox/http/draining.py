"""Noticing that this process has been told to end."""

import signal
from collections.abc import Generator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Draining:
    """Set from the moment on which the process was told to end; the server's own handler runs on.

    What was accepted before is finished; new work is refused.
    """

    def __init__(self) -> None:
        """Not set."""
        self._begun = False

    def __bool__(self) -> bool:
        """Whether the process was told to end."""
        return self._begun

    def begin(self) -> None:
        """Take no new work."""
        self._begun = True

    @contextmanager
    def on_signals(self) -> Generator[None]:
        """Begin when SIGINT or SIGTERM comes while the block runs. Only in the main thread."""
        if current_thread() is not main_thread():
            yield
            return
        before = {number: signal.getsignal(number) for number in SIGNALS}

        def begin(number: int, frame: FrameType | None) -> None:
            self.begin()
            handler = before[signal.Signals(number)]
            if callable(handler):
                handler(number, frame)

        for number in SIGNALS:
            signal.signal(number, begin)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
