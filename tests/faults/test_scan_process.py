"""A scan that is killed, and goes on."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.audio_factory import encode, noise, speech
from tests.model_factory import write_model

RECORDINGS = 60
WAIT_SECONDS = 120.0


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    folder = tmp_path / "archive"
    folder.mkdir()
    voice = speech(6.0)
    for number in range(RECORDINGS):
        sound = voice * 0.5 + noise(6.0, seed=number) * 0.02
        (folder / f"{number:03}.wav").write_bytes(encode(sound, 16_000))
    write_model(tmp_path / "models")
    return folder


class Scan:
    """`veravox scan` in a process of its own."""

    def __init__(self, archive: Path, out: Path) -> None:
        self.journal = out.with_name(f"{out.name}.journal")
        environment = {
            "VERAVOX_MODELS_DIR": str(archive.parent / "models"),
            "VERAVOX_SCORING_THREADS": "2",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "veravox", "scan", str(archive), "--out", str(out)],
            env=os.environ | environment,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def end(self) -> str:
        """What it said, once it has ended by itself."""
        _, said = self.process.communicate(timeout=WAIT_SECONDS)
        assert self.process.returncode == 0, said
        return said

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=WAIT_SECONDS)

    def wait_until_written(self, size: int) -> None:
        """Until the journal's log is longer than `size` bytes."""
        log = self.journal.with_name(f"{self.journal.name}-wal")
        deadline = time.monotonic() + WAIT_SECONDS
        while not (log.exists() and log.stat().st_size > size):
            assert self.process.poll() is None, "the scan ended too early"
            assert time.monotonic() < deadline
            time.sleep(0.01)


def scored(journal: Path) -> list[str]:
    """The recordings that have a score, as anybody can see who opens the journal."""
    with closing(sqlite3.connect(journal)) as connection:
        found = connection.execute("SELECT path FROM recordings WHERE score IS NOT NULL")
        return [path for (path,) in found]


def rows(table: Path) -> list[dict[str, Any]]:
    return pq.read_table(table).to_pylist()


def others_of_session(process: "subprocess.Popen[str]") -> list[int]:
    """The processes that were started by one that leads its session."""
    found: list[int] = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal() and int(folder.name) != process.pid:
            try:
                if os.getsid(int(folder.name)) == process.pid:
                    found.append(int(folder.name))
            except ProcessLookupError:
                continue
    return found


def test_a_killed_scan_goes_on_without_scoring_twice(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "scores.parquet"
    for size in (30_000, 60_000):
        scan = Scan(archive, out)
        scan.wait_until_written(size)
        scan.kill()
        assert not out.exists()
    before = scored(scan.journal)
    assert 0 < len(before) < RECORDINGS
    for name in before:
        _spoil_unnoticed(archive / name)

    said = Scan(archive, out).end()

    assert f"{len(before)} of {RECORDINGS} were scored before" in said
    assert [row["path"] for row in rows(out)] == [f"{n:03}.wav" for n in range(RECORDINGS)]
    assert not any(row["failed"] for row in rows(out))
    assert not scan.journal.exists()


def test_a_killed_scan_leaves_no_process_behind(archive: Path, tmp_path: Path) -> None:
    scan = Scan(archive, tmp_path / "scores.parquet")
    scan.wait_until_written(30_000)
    assert others_of_session(scan.process)

    scan.kill()

    deadline = time.monotonic() + 10.0
    while left := others_of_session(scan.process):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


def test_an_interrupted_scan_can_go_on(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "scores.parquet"
    scan = Scan(archive, out)
    scan.wait_until_written(30_000)
    os.killpg(scan.process.pid, signal.SIGINT)
    _, said = scan.process.communicate(timeout=WAIT_SECONDS)
    assert scan.process.returncode != 0
    assert "Traceback" not in said

    Scan(archive, out).end()

    assert len(rows(out)) == RECORDINGS


def _spoil_unnoticed(path: Path) -> None:
    """Other contents of the same size and time: only who scores it again will see it."""
    status = path.stat()
    path.write_bytes(bytes(status.st_size))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
