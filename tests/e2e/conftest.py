import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

START_SECONDS = 60.0
VERAVOX = (sys.executable, "-m", "veravox")


@dataclass(frozen=True)
class Server:
    """A running `veravox serve` with the shipped model, as its first user meets it."""

    url: str
    key: str
    welcome: str
    data_dir: Path


def start(data_dir: Path, *arguments: str) -> "tuple[subprocess.Popen[str], str, str]":
    """The process, what it said on the way up, and its address."""
    process = subprocess.Popen(
        [*VERAVOX, "serve", "--port", "0", "--data-dir", str(data_dir), *arguments],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    said = ""
    assert process.stderr is not None
    while "startup complete" not in said:
        line = process.stderr.readline()
        assert line, f"the server ended:\n{said}"
        said += line
    found = re.search(r"http://127\.0\.0\.1:\d+", said)
    assert found
    return process, said, found.group()


def stop(process: "subprocess.Popen[str]") -> int:
    process.terminate()
    process.communicate(timeout=30)
    return process.returncode


def wait_until_ready(url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if httpx.get(f"{url}/readyz").status_code == httpx.codes.OK:
            return
        time.sleep(0.1)
    raise AssertionError("the server did not become ready")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[Server]:
    data_dir = tmp_path_factory.mktemp("data")
    process, said, url = start(data_dir)
    key = re.search(r"vvx_\w+_[\w-]+", said)
    assert key
    wait_until_ready(url)
    yield Server(url, key.group(), said, data_dir)
    assert stop(process) in (0, -signal.SIGTERM)


def offline(*arguments: object) -> list[dict[str, object]]:
    """What `veravox detect --json` says, a dictionary for each file."""
    done = subprocess.run(
        [*VERAVOX, "detect", "--json", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]
