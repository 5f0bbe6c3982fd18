import os
import subprocess
import sys
from pathlib import Path

import pytest

from veravox.telemetry import metrics

WORKER = """
from veravox.telemetry import metrics
metrics.REQUESTS.labels("aurigin_v1", "200").inc()
metrics.QUEUE_DEPTH.set(2)
print(metrics.render().decode())
"""


def test_metrics_are_rendered_under_their_names() -> None:
    metrics.REQUESTS.labels("any dialect", "418").inc()
    metrics.ANALYSIS_SECONDS.observe(0.12)
    text = metrics.render().decode()
    assert 'veravox_requests_total{dialect="any dialect",status="418"} 1.0' in text
    assert 'veravox_analysis_seconds_bucket{le="0.15"}' in text
    assert "veravox_rate_limit_backend_failures_total" in text


def test_workers_count_together_and_ended_workers_wait_for_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(metrics.SHARED_FOLDER_VARIABLE, "")
    metrics.share_between_workers(tmp_path / "metrics")
    environment = dict(os.environ)

    def worker() -> str:
        return subprocess.run(
            [sys.executable, "-c", WORKER],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout

    worker()
    text = worker()
    assert 'veravox_requests_total{dialect="aurigin_v1",status="200"} 2.0' in text
    assert "veravox_queue_depth 2.0" in text


def test_sharing_starts_from_zero(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(metrics.SHARED_FOLDER_VARIABLE, "")
    (tmp_path / "counter_1.db").write_bytes(b"left over")
    metrics.share_between_workers(tmp_path)
    assert list(tmp_path.iterdir()) == []
