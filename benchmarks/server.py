"""A real server on a free port: latency, overhead, throughput, memory, cold start."""

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx

from benchmarks import long_recording
from benchmarks.audio import wav

CPUS = os.cpu_count() or 1
REQUESTS = 40
LARGE_BYTES = 99 * 1_048_576
KIB_PER_MIB = 1024


def measure() -> Iterator[tuple[str, str, str]]:
    """Rows of (what, measured, budget)."""
    with tempfile.TemporaryDirectory() as folder:
        key = new_key(Path(folder))
        with running(Path(folder)) as (process, url, cold), connect(url, key) as client:
            yield "cold start", f"{cold:.1f} s", "3 s"
            yield from long_recording.measure(client, process.pid)
        with running(Path(folder)) as (process, url, _), connect(url, key) as client:
            _predict(client, wav(10.0))
            yield "resident memory when idle", f"{memory(process.pid)} MiB", "350 MiB"
            yield from _latency(client)
            yield _verification(client)
            yield from _throughput(client)
            yield from _large_upload(client, process.pid)


def connect(url: str, key: str) -> httpx.Client:
    """A client of the server at `url`."""
    return httpx.Client(base_url=url, headers={"X-Api-Key": key}, timeout=60)


def _latency(client: httpx.Client) -> Iterator[tuple[str, str, str]]:
    media = wav(10.0)
    totals, overheads = [], []
    for _ in range(REQUESTS):
        started = time.perf_counter()
        body = _predict(client, media)
        totals.append(time.perf_counter() - started)
        overheads.append(totals[-1] - body["processing_time"])
    p50, p95 = statistics.median(totals), statistics.quantiles(totals, n=20)[-1]
    yield "10-s WAV through /v1/predict, p50", f"{p50 * 1000:.0f} ms", "150 ms"
    yield "the same, p95", f"{p95 * 1000:.0f} ms", ""
    overhead = statistics.median(overheads)
    yield "of it outside decoding and scoring, p50", f"{overhead * 1000:.0f} ms", "50 ms"


def _verification(client: httpx.Client) -> tuple[str, str, str]:
    media = wav(10.0)
    enrolled = client.post(
        "/v1/voiceid/enroll", files={"audio_file": media}, data={"allow_spoofed": "true"}
    )
    enrolled.raise_for_status()
    vector = json.dumps(enrolled.json()["embedding"])
    totals: list[float] = []
    for _ in range(REQUESTS):
        started = time.perf_counter()
        answer = client.post(
            "/v1/voiceid/verify", files={"audio_file": media}, data={"voice_vector": vector}
        )
        answer.raise_for_status()
        totals.append(time.perf_counter() - started)
    p50 = f"{statistics.median(totals) * 1000:.0f} ms"
    return "10-s WAV through /v1/voiceid/verify, p50", p50, "200 ms"


def _throughput(client: httpx.Client) -> Iterator[tuple[str, str, str]]:
    media = wav(10.0)
    started = time.perf_counter()
    with ThreadPoolExecutor(2 * CPUS) as pool:
        list(pool.map(lambda _: _predict(client, media), range(REQUESTS)))
    rate = REQUESTS / (time.perf_counter() - started)
    yield f"throughput, {2 * CPUS} clients", f"{rate:.1f} recordings of 10 s a second", ""


def _large_upload(client: httpx.Client, pid: int) -> Iterator[tuple[str, str, str]]:
    media = wav(10.0)
    media += b"\0" * (LARGE_BYTES - len(media))
    before, highest, done = memory(pid), 0, threading.Event()

    def watch() -> None:
        nonlocal highest
        while not done.is_set():
            highest = max(highest, memory(pid))
            time.sleep(0.02)

    watcher = threading.Thread(target=watch)
    watcher.start()
    client.post("/v1/predict/large-file", files={"file": media})
    done.set()
    watcher.join()
    yield "memory on top during a 99-MB upload", f"{max(0, highest - before)} MiB", "100 MiB"


def _predict(client: httpx.Client, media: bytes) -> dict[str, float]:
    answer = client.post("/v1/predict", files={"file": media})
    answer.raise_for_status()
    return answer.json()


def free_port() -> int:
    """A TCP port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def new_key(folder: Path) -> str:
    """A key without noticeable limits for the installation in `folder`."""
    created = subprocess.run(
        [
            *(sys.executable, "-m", "veravox", "keys", "create", "--name", "bench"),
            *("--plan", "enterprise", "--json", "--data-dir", str(folder)),
        ],
        check=True,
        capture_output=True,
    )
    return json.loads(created.stdout)["key"]


@contextmanager
def running(
    folder: Path, environment: Mapping[str, str] | None = None
) -> Generator[tuple["subprocess.Popen[bytes]", str, float]]:
    """A ready server with `environment` on top: its process, address and seconds to start."""
    port = free_port()
    started = time.perf_counter()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "veravox", "serve"),
            *("--port", str(port), "--data-dir", str(folder)),
        ],
        env=os.environ | (environment or {}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        while not _ready(url):
            time.sleep(0.05)
        yield process, url, time.perf_counter() - started
    finally:
        process.terminate()
        process.wait(60)


def _ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz").status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def memory(pid: int) -> int:
    """Resident memory in MiB, children not included."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) // KIB_PER_MIB
