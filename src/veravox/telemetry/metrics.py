"""The Prometheus metrics of the server.

With several worker processes, call `share_between_workers` before they start; each then writes to
files in one folder, and every worker answers for all.
"""

import os
from pathlib import Path

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

SHARED_FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
CONTENT_TYPE = CONTENT_TYPE_LATEST

REQUESTS = Counter("veravox_requests", "Answered HTTP requests.", labelnames=("dialect", "status"))
ANALYSIS_SECONDS = Histogram(
    "veravox_analysis_seconds",
    "Time from the first decoded byte to the verdict.",
    buckets=(0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600),
)
JOBS = Counter("veravox_jobs", "Finished predictions of `/v1/file`.", labelnames=("outcome",))
WEBHOOK_ATTEMPTS = Counter(
    "veravox_webhook_attempts", "Requests to the receivers of webhooks.", labelnames=("outcome",)
)
STREAMS = Gauge(
    "veravox_streams",
    "Streams that are open.",
    labelnames=("protocol",),
    multiprocess_mode="livesum",
)
STREAM_ENDS = Counter(
    "veravox_stream_ends", "Streams that ended.", labelnames=("protocol", "outcome")
)
STREAM_WINDOW_SECONDS = Histogram(
    "veravox_stream_window_seconds",
    "Time from the last frame of a window to its score.",
    buckets=(0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
QUEUE_DEPTH = Gauge(
    "veravox_queue_depth", "Analyses that wait for a free decoder.", multiprocess_mode="livesum"
)
RATE_LIMIT_BACKEND_FAILURES = Counter(
    "veravox_rate_limit_backend_failures",
    "Times that rate limits could not be counted because Redis did not answer.",
)


def share_between_workers(folder: Path) -> None:
    """Let worker processes started from now on count together, from zero, in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob("*.db"):
        stale.unlink()
    os.environ[SHARED_FOLDER_VARIABLE] = str(folder)


def render() -> bytes:
    """All metrics in the text format of Prometheus, of CONTENT_TYPE."""
    shared = os.environ.get(SHARED_FOLDER_VARIABLE)
    if not shared:
        return generate_latest(REGISTRY)
    _forget_ended_workers(Path(shared))
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=shared)
    return generate_latest(registry)


def _forget_ended_workers(folder: Path) -> None:
    """Drop the gauges of worker processes that are gone; their counters go on counting."""
    for file in folder.glob("gauge_live*_*.db"):
        pid = int(file.stem.rpartition("_")[2])
        if not _is_running(pid):
            file.unlink(missing_ok=True)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
