"""What a scan has found and done so far, so that it can go on after it was killed.

An SQLite file beside the results: a row for each recording, with its score once there is one. A
score is committed as soon as it is known. The file is held exclusively, also where it lies on a
network file system.
"""

import json
import sqlite3
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pydantic import TypeAdapter

from veravox.archives.recordings import Recording
from veravox.archives.score import Score
from veravox.errors import Conflict, InvalidRequest

PAGE = 1_000

_SCORE = TypeAdapter(Score)
_TABLES = """
CREATE TABLE IF NOT EXISTS scan (parameters TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS recordings (
    path TEXT PRIMARY KEY, size INTEGER NOT NULL, version TEXT NOT NULL, score TEXT
) WITHOUT ROWID;
"""
_LISTED = """
INSERT INTO recordings (path, size, version) VALUES (?, ?, ?)
ON CONFLICT (path) DO UPDATE SET size = excluded.size, version = excluded.version, score = NULL
WHERE size <> excluded.size OR version <> excluded.version
"""
_PENDING = """
SELECT path, size, version FROM recordings
WHERE score IS NULL AND path > ? ORDER BY path LIMIT ?
"""
_SCORED = """
SELECT path, score FROM recordings
WHERE score IS NOT NULL AND path > ? ORDER BY path LIMIT ?
"""


@dataclass(frozen=True, slots=True)
class Tally:
    """How many recordings are known, and how many of them are scored."""

    known: int
    scored: int


class Journal:
    """The journal in one file. Belongs to one thread."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Made by `Journal.open`."""
        self._connection = connection

    @classmethod
    @contextmanager
    def open(cls, path: Path, parameters: Mapping[str, object]) -> Generator[Self]:
        """The journal in the file `path`, which is created if need be, of a scan with `parameters`.

        Raises Conflict when another scan has it open or when it is of a scan with other parameters,
        InvalidRequest when the file cannot be used.
        """
        try:
            with closing(sqlite3.connect(path, timeout=1.0, isolation_level=None)) as connection:
                _prepare(connection, json.dumps(parameters, sort_keys=True), path)
                yield cls(connection)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                raise Conflict(f"{path} is in use by another scan") from error
            raise InvalidRequest(f"{path} cannot be used: {error}") from error
        except sqlite3.DatabaseError as error:
            raise InvalidRequest(f"{path} is not the journal of a scan") from error

    def listed(self, recordings: Iterable[Recording]) -> None:
        """Note recordings; one that is known already and has not changed keeps its score."""
        rows = ((item.path, item.size, item.version) for item in recordings)
        with self._transaction():
            self._connection.executemany(_LISTED, rows)

    def scored(self, score: Score) -> None:
        """Keep a score, for good when this returns."""
        self._connection.execute(
            "UPDATE recordings SET score = ? WHERE path = ?",
            (_SCORE.dump_json(score).decode(), score.path),
        )

    def tally(self) -> Tally:
        """The counts of now."""
        return Tally(
            *self._connection.execute("SELECT count(*), count(score) FROM recordings").fetchone()
        )

    def pending(self) -> Iterator[Recording]:
        """Recordings without a score, by path; scores may be kept meanwhile."""
        after = ""
        while page := self._connection.execute(_PENDING, (after, PAGE)).fetchall():
            yield from (Recording(*row) for row in page)
            after = page[-1][0]

    def scores(self) -> Iterator[Score]:
        """All scores, by path."""
        after = ""
        while page := self._connection.execute(_SCORED, (after, PAGE)).fetchall():
            yield from (_SCORE.validate_json(row[1]) for row in page)
            after = page[-1][0]

    @contextmanager
    def _transaction(self) -> Generator[None]:
        self._connection.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")


def _prepare(connection: sqlite3.Connection, parameters: str, path: Path) -> None:
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.executescript(_TABLES)
    begun = connection.execute("SELECT parameters FROM scan").fetchone()
    if begun is None:
        connection.execute("INSERT INTO scan VALUES (?)", (parameters,))
    elif begun[0] != parameters:
        raise Conflict(
            f"{path} is of a scan with other parameters: {begun[0]}; "
            "repeat those, or delete it to begin anew"
        )
