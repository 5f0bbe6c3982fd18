"""Scoring a whole archive, in as many attempts as it takes."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Self

from veravox.analysis import AnalysisOptions
from veravox.archives.engines import Engine
from veravox.archives.journal import Journal, Tally
from veravox.archives.recordings import Archive, looks_like_media
from veravox.archives.score import Score
from veravox.archives.table import write_table
from veravox.detection.card import MODEL_CALIBRATION
from veravox.errors import Conflict

LISTED_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class ScanOptions:
    """What makes two scans the same: the archive, the model, the analysis, the calibration."""

    archive: Archive
    model_id: str
    analysis: AnalysisOptions
    calibration: str = MODEL_CALIBRATION

    @property
    def parameters(self) -> dict[str, object]:
        """The options in a form that can be stored and compared."""
        return {
            "archive": self.archive.url,
            "model": self.model_id,
            "calibration": self.calibration,
            "threshold": self.analysis.threshold,
            "silence_threshold": self.analysis.silence_threshold,
        }


class Scan:
    """A scan on its way to the table `out`. What is done is kept in a journal beside it."""

    def __init__(self, journal: Journal, out: Path, options: ScanOptions) -> None:
        """Made by `Scan.open`."""
        self._journal = journal
        self._out = out
        self._options = options
        self._written = False
        self.left_out = 0

    @classmethod
    @contextmanager
    def open(cls, out: Path, options: ScanOptions) -> Generator[Self]:
        """A new scan, or the one that was begun and not finished.

        Raises Conflict when `out` is a finished table or another scan works on it, and what
        Journal.open raises.
        """
        path = out.with_name(f"{out.name}.journal")
        if out.exists() and not path.exists():
            raise Conflict(f"{out} exists already; move it away or choose another name")
        with Journal.open(path, options.parameters) as journal:
            scan = cls(journal, out, options)
            yield scan
        if scan._written:
            path.unlink()

    @property
    def tally(self) -> Tally:
        """How far the scan has come."""
        return self._journal.tally()

    def list(self) -> Iterator[Tally]:
        """Note all recordings of the archive, with the counts after each thousand files.

        `left_out` counts the files that do not have the name of a recording.
        """
        files = self._options.archive.files()
        while page := list(islice(files, LISTED_AT_ONCE)):
            recordings = [file for file in page if looks_like_media(file.path)]
            self.left_out += len(page) - len(recordings)
            self._journal.listed(recordings)
            yield self.tally

    def score(self, engine: Engine) -> Iterator[Score]:
        """Score what has no score yet; each row is kept before it is given."""
        for row in engine.score(self._journal.pending()):
            self._journal.scored(row)
            yield row

    def write(self) -> None:
        """Write the table; the journal is not needed any more. Raises OSError."""
        write_table(self._out, self._journal.scores(), self._options.parameters)
        self._written = True
