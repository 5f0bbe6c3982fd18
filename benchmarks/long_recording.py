"""Hours of speech through /v1/file: speed from its arrival to the result, memory, CPU time."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx

from benchmarks.audio import compressed

HOUR = 3600.0
UNFINISHED = ("awaiting_upload", "queued", "processing")
TICKS = os.sysconf("SC_CLK_TCK")
PAGES_PER_MIB = 1_048_576 // os.sysconf("SC_PAGE_SIZE")


def measure(client: httpx.Client, pid: int, hours: int = 1) -> Iterator[tuple[str, str, str]]:
    """Rows of (what, measured, budget) for the server `pid`, which has decoded nothing yet."""
    media = hours * compressed(HOUR, "mp3", "libmp3lame", 16_000)
    idle, used, highest, done = _memory(pid), _cpu_seconds(pid), 0, threading.Event()

    def watch() -> None:
        nonlocal highest
        while not done.wait(0.05):
            highest = max(highest, _memory(pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    seconds = _analyse(client, media)
    done.set()
    watcher.join()
    used = _cpu_seconds(pid) - used
    speed = hours * HOUR / seconds
    yield f"{hours}-hour MP3 through /v1/file", f"{speed:.0f} x real time", "100 x real time"
    yield "processor time for it, all processes", f"{used:.0f} s", ""
    yield "memory on top for it, all processes", f"{highest - idle} MiB", "400 MiB"


def _analyse(client: httpx.Client, media: bytes) -> float:
    """Seconds from the arrival of the recording to its result."""
    answer = client.post("/v1/file", json={"filename": "hour.mp3", "size": len(media)})
    created = answer.raise_for_status().json()
    upload = created["upload"]
    httpx.put(
        upload["url"], content=media, headers=upload["headers"], timeout=60
    ).raise_for_status()
    started = time.perf_counter()
    while True:
        body = client.get(f"/v1/predictions/{created['prediction_id']}").raise_for_status().json()
        if body["status"] not in UNFINISHED:
            break
        time.sleep(0.1)
    if body["status"] != "completed":
        raise RuntimeError(f"the analysis ended as {body['status']}")
    return time.perf_counter() - started


def _memory(pid: int) -> int:
    """Resident memory of a process and its children, MiB; pages they share count twice."""
    return sum(int(_proc(process, "statm")[1]) for process in _family(pid)) // PAGES_PER_MIB


def _cpu_seconds(pid: int) -> float:
    """User and system time of a process and its children."""
    fields = [_proc(process, "stat") for process in _family(pid)]
    return sum(int(user) + int(system) for *_, user, system in (f[:15] for f in fields)) / TICKS


def _family(pid: int) -> list[int]:
    children: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            children += [int(child) for child in task.read_text().split()]
    return [pid, *children]


def _proc(pid: int, name: str) -> list[str]:
    """The fields of a file in /proc; the command's name has no spaces here. Zeros if gone."""
    try:
        return Path(f"/proc/{pid}/{name}").read_text(encoding="ascii").split()
    except OSError:
        return ["0"] * 52
