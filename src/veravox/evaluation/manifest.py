"""The labelled recordings to evaluate on: a CSV file, one recording a row.

Columns: path (relative to the manifest), label (bonafide or spoof), system (the generator), family
(its kind), source (where the recording came from), speaker, language, condition. The last six may
be left blank in a row; further columns are ignored.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from veravox.errors import InvalidManifest

COLUMNS = ("path", "label", "system", "family", "source", "speaker", "language", "condition")
LABELS = ("bonafide", "spoof")
EXTRA = "\0extra fields"
MISSING = "\0missing field"


@dataclass(frozen=True, slots=True)
class Recording:
    """A row of a manifest, as written there."""

    path: str
    label: str
    system: str
    family: str
    source: str
    speaker: str
    language: str
    condition: str

    @property
    def spoof(self) -> bool:
        """Whether the label says spoof."""
        return self.label == "spoof"


def read_manifest(manifest: Path) -> list[Recording]:
    """The rows of a UTF-8 CSV manifest, in order.

    Raises InvalidManifest, with the line, for a missing column, a row of the wrong length, a blank
    path or an unknown label, and for a file that cannot be read or has no rows.
    """
    try:
        with manifest.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file, restkey=EXTRA, restval=MISSING, strict=True)
            _check_columns(manifest.name, rows.fieldnames or ())
            recordings = [_recording(manifest.name, rows.line_num, row) for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidManifest(f"{manifest.name}: not a readable CSV file: {error}") from error
    if not recordings:
        raise InvalidManifest(f"{manifest.name}: no recordings are listed")
    return recordings


def _check_columns(name: str, columns: Sequence[str]) -> None:
    missing = [column for column in COLUMNS if column not in columns]
    if missing:
        raise InvalidManifest(f"{name}: missing columns: {', '.join(missing)}")


def _recording(name: str, line: int, row: dict[str, str]) -> Recording:
    if EXTRA in row or MISSING in row.values():
        raise InvalidManifest(f"{name}, line {line}: not as many fields as the header has")
    recording = Recording(**{column: row[column].strip() for column in COLUMNS})
    if not recording.path:
        raise InvalidManifest(f"{name}, line {line}: the path is blank")
    if recording.label not in LABELS:
        raise InvalidManifest(
            f"{name}, line {line}: the label is {recording.label!r}, not bonafide or spoof"
        )
    return recording
