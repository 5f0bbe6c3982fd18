"""Scoring in processes, some of which die."""

import os
import signal
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pytest

from tests.audio_factory import spoken_file
from tests.model_factory import write_model
from veravox.analysis import AnalysisOptions
from veravox.archives.engines.local import LocalEngine
from veravox.archives.recordings import Recording
from veravox.archives.score import Score, Task
from veravox.errors import Unavailable


@dataclass(frozen=True)
class DangerousArchive:
    """One recording under many names; some of them have consequences for who opens them."""

    file: Path
    url: str = "test"

    def files(self) -> Iterator[Recording]:
        yield from ()

    @contextmanager
    def open(self, recording: Recording) -> Generator[BinaryIO]:
        if recording.path == "deadly":
            os.kill(os.getpid(), signal.SIGKILL)
        if recording.path == "deadly once" and not self.file.with_suffix(".died").exists():
            self.file.with_suffix(".died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if recording.path == "unavailable":
            raise Unavailable("The archive does not answer")
        with self.file.open("rb") as media:
            yield media


@pytest.fixture
def engine(tmp_path: Path) -> LocalEngine:
    write_model(tmp_path / "models")
    (tmp_path / "spoken.wav").write_bytes(spoken_file())
    archive = DangerousArchive(tmp_path / "spoken.wav")
    return LocalEngine(Task(archive, AnalysisOptions(), tmp_path / "models"), processes=2)


def scores(engine: LocalEngine, names: Iterable[str]) -> list[Score]:
    return list(engine.score(Recording(name, 1, "1") for name in names))


def test_a_recording_that_kills_its_process_is_named_and_no_other_is_lost(
    engine: LocalEngine,
) -> None:
    names = [f"{number}" for number in range(12)]
    names[5] = "deadly"

    rows = {row.path: row for row in scores(engine, names)}

    assert set(rows) == set(names)
    assert [row.path for row in rows.values() if row.failed] == ["deadly"]


def test_a_process_that_dies_by_accident_costs_no_recording(engine: LocalEngine) -> None:
    names = ["deadly once", *(f"{number}" for number in range(8))]

    rows = scores(engine, names)

    assert sorted(row.path for row in rows) == sorted(names)
    assert not any(row.failed for row in rows)


def test_an_archive_that_does_not_answer_ends_the_scan_and_not_its_rows(
    engine: LocalEngine,
) -> None:
    with pytest.raises(Unavailable):
        scores(engine, ["0", "unavailable", *(f"{number}" for number in range(50))])


def test_few_recordings_are_drawn_ahead(engine: LocalEngine) -> None:
    drawn: list[str] = []

    def endless() -> Iterator[Recording]:
        while True:
            drawn.append(f"{len(drawn)}")
            yield Recording(drawn[-1], 1, "1")

    rows = engine.score(endless())
    next(rows)
    started = time.monotonic()
    rows.close()

    assert len(drawn) <= 10
    assert time.monotonic() - started < 30.0
