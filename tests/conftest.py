"""What holds for all tests."""

import signal

import hypothesis

# How long an example takes is the machine's affair; `make bench` measures.
hypothesis.settings.register_profile("without a deadline", deadline=None)
hypothesis.settings.load_profile("without a deadline")


def pytest_configure() -> None:
    """Programs that tests start can be interrupted.

    A shell's background jobs ignore SIGINT, and so would everything that they start.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
