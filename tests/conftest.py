"""What holds for all tests."""

import signal


def pytest_configure() -> None:
    """Programs that tests start can be interrupted.

    A shell's background jobs ignore SIGINT, and so would everything that they start.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
