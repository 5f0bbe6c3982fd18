"""Real processes for tests: `veravox serve` and `veravox worker`, to be killed."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.http_factory import create_key
from veravox.accounts import Plan
from veravox.settings import Settings

START_SECONDS = 120.0
CLIENT_SECONDS = 120.0
LOG = "processes.log"


@dataclass(frozen=True)
class ServerProcess:
    """`veravox serve` in a process of its own, and a key for it."""

    process: subprocess.Popen[bytes]
    port: int
    key: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self) -> httpx.Client:
        headers = {"X-Api-Key": self.key}
        return httpx.Client(base_url=self.url, headers=headers, timeout=CLIENT_SECONDS)

    def memory(self, field: str) -> int:
        """`VmRSS` or `VmHWM` (the highest so far) of the process, bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(rf"{field}:\s+(\d+) kB", status)
        assert found
        return int(found.group(1)) * 1024

    def kill(self) -> None:
        """As the kernel would, without a word."""
        self.process.kill()
        self.process.wait()


@contextmanager
def serve(
    settings: Settings, key: str | None = None, port: int | None = None, **variables: str
) -> Iterator[ServerProcess]:
    """A server of the installation of `settings`; ready at the start, killed at the end.

    Without a `key` it gets a new one. `variables` are settings of this process only.
    """
    port = port or free_port()
    process = start("serve", "--port", str(port), settings=settings, **variables)
    server = ServerProcess(process, port, key or create_key(settings, Plan.ENTERPRISE).key)
    try:
        wait_until_ready(server)
        yield server
    finally:
        end(process)


def start(
    *command: str, settings: Settings, prefix: Sequence[str] = (), **variables: str
) -> subprocess.Popen[bytes]:
    """A `veravox` process that works on the installation of `settings`.

    `prefix` is a command that becomes the one it is given, such as `ip netns exec`.
    """
    environment = {
        "VERAVOX_DATA_DIR": str(settings.data_dir),
        "VERAVOX_MODELS_DIR": str(settings.models_dir),
        "VERAVOX_SCORING_THREADS": "1",
        "VERAVOX_LOG_LEVEL": "warning",
        "VERAVOX_LOG_FORMAT": "json",
    }
    for name in ("database_url", "redis_url", "secret_key"):
        secret = getattr(settings, name)
        if secret is not None:
            environment[f"VERAVOX_{name.upper()}"] = secret.get_secret_value()
    for name in ("storage_url", "storage_endpoint"):
        if getattr(settings, name) is not None:
            environment[f"VERAVOX_{name.upper()}"] = getattr(settings, name)
    environment |= {f"VERAVOX_{name.upper()}": value for name, value in variables.items()}
    with (settings.data_dir / LOG).open("ab") as log:
        return subprocess.Popen(
            [*prefix, sys.executable, "-m", "veravox", *command],
            env=os.environ | environment,
            stderr=log,
            stdout=log,
        )


class Hold:
    """Makes the decoders of a server or worker stand still."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._stopped: set[int] = set()
        self._released = False
        self._lock = threading.Lock()

    def stop_new(self) -> None:
        """Stop those that have been started since the last call."""
        with self._lock:
            if self._released:
                return
            for decoder in _decoders(self._process.pid) - self._stopped:
                self._signal(decoder, signal.SIGSTOP)
                self._stopped.add(decoder)

    def step(self) -> None:
        """Let them run for a moment."""
        with self._lock:
            self._signal_all(signal.SIGCONT)
            time.sleep(0.002)
            self._signal_all(signal.SIGSTOP)

    def release(self) -> None:
        """Let them run, for good; those that lost their server end at once."""
        with self._lock:
            self._released = True
            self._signal_all(signal.SIGCONT)

    def _signal_all(self, number: signal.Signals) -> None:
        for decoder in self._stopped:
            self._signal(decoder, number)

    @staticmethod
    def _signal(decoder: int, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.kill(decoder, number)


@contextmanager
def held(process: subprocess.Popen[bytes]) -> Iterator[Hold]:
    """What a server or worker that is ready works on stays unfinished while the block runs.

    Its decoders stand still, those that it starts in the meantime as well.
    """
    hold = Hold(process)
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.005):
            hold.stop_new()

    hold.stop_new()
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield hold
    finally:
        over.set()
        watcher.join()
        hold.release()


def _decoders(parent: int) -> set[int]:
    found: set[int] = set()
    for task in Path(f"/proc/{parent}/task").glob("*/children"):
        with suppress(OSError):
            found |= {int(child) for child in task.read_text().split()}
    return {child for child in found if _is_decoder(child)}


def _is_decoder(process: int) -> bool:
    with suppress(OSError):
        return b"veravox.audio.decoder_process" in Path(f"/proc/{process}/cmdline").read_bytes()
    return False


def log_of(settings: Settings) -> str:
    """What the processes of an installation have logged so far."""
    return (settings.data_dir / LOG).read_text()


def end(process: subprocess.Popen[bytes]) -> None:
    """Make sure that the process is gone, even a stopped one."""
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGCONT)
        process.kill()
    process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_ready(server: ServerProcess) -> None:
    """Returns when the server answers that it can serve."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        assert server.process.poll() is None, "the server did not start"
        assert time.monotonic() < deadline
        with suppress(httpx.TransportError):
            if httpx.get(f"{server.url}/readyz", timeout=10.0).is_success:
                return
        time.sleep(0.1)
