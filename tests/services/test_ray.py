"""An archive scored on a Ray cluster of two nodes, one of which is killed."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from tests.audio_factory import encode, noise, speech
from tests.model_factory import write_model

if TYPE_CHECKING:
    from ray.cluster_utils import Cluster

RECORDINGS = 2_000
DIFFERENT = 20
WAIT_SECONDS = 600.0


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> "Iterator[Cluster]":
    """A head with one core; nodes can be added and killed."""
    pytest.importorskip("ray", reason="Ray is not installed")
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_worker_niceness", "0")
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    yield cluster
    cluster.shutdown()


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Two thousand names for twenty recordings."""
    folder = tmp_path / "archive"
    folder.mkdir()
    for number in range(DIFFERENT):
        sound = speech(3.5) * 0.5 + noise(3.5, seed=number) * 0.02
        (folder / f"{number:04}.wav").write_bytes(encode(sound, 16_000))
    for number in range(DIFFERENT, RECORDINGS):
        (folder / f"{number:04}.wav").hardlink_to(folder / f"{number % DIFFERENT:04}.wav")
    write_model(tmp_path / "models")
    return folder


def wait_until_longer(log: Path, size: int, process: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not (log.exists() and log.stat().st_size > size):
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.timeout(2 * WAIT_SECONDS)
def test_a_killed_node_costs_no_recording(
    cluster: "Cluster", archive: Path, tmp_path: Path
) -> None:
    doomed = cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    out = tmp_path / "scores.parquet"
    command = ["scan", str(archive), "--out", str(out), "--engine", "ray"]
    process = subprocess.Popen(
        [sys.executable, "-m", "veravox", *command, "--ray-address", cluster.address],
        env=os.environ | {"VERAVOX_MODELS_DIR": str(tmp_path / "models")},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_until_longer(out.with_name(f"{out.name}.journal-wal"), 1_000_000, process)
        cluster.remove_node(doomed, allow_graceful=False)
        _, said = process.communicate(timeout=WAIT_SECONDS)
    finally:
        process.kill()

    assert process.returncode == 0, said
    rows = pq.read_table(out).to_pylist()
    assert [row["path"] for row in rows] == [f"{number:04}.wav" for number in range(RECORDINGS)]
    assert not any(row["failed"] for row in rows)
    scores = {row["path"]: row["spoof_llr"] for row in rows}
    for path, score in scores.items():
        assert score == pytest.approx(scores[f"{int(path[:4]) % DIFFERENT:04}.wav"], abs=1e-9)


def test_without_a_cluster_at_the_address_the_scan_says_so(archive: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="Ray is not installed")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "veravox", "scan", str(archive)),
            *("--out", str(tmp_path / "scores.parquet")),
            *("--engine", "ray", "--ray-address", "127.0.0.1:1"),
        ],
        env=os.environ | {"VERAVOX_MODELS_DIR": str(tmp_path / "models")},
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
        check=False,
    )

    assert done.returncode == 2
    assert "No Ray cluster answers at 127.0.0.1:1" in done.stderr
