"""Noticing the end."""

import os
import signal
from types import FrameType

import pytest

from veravox.http.draining import Draining


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_begins_the_draining_and_reaches_the_servers_own_handler(
    number: signal.Signals,
) -> None:
    seen: list[int] = []

    def servers_own(received: int, _frame: FrameType | None) -> None:
        seen.append(received)

    before = signal.signal(number, servers_own)
    try:
        draining = Draining()
        with draining.on_signals():
            assert not draining
            os.kill(os.getpid(), number)
            assert draining
        assert seen == [number]
        assert signal.getsignal(number) is servers_own
    finally:
        signal.signal(number, before)
