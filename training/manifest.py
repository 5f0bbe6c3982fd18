"""Rows of the training manifest: public audio by repository, commit and git blob."""

import csv
import gzip
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Clip:
    """One recording: `sha` is its git blob in the mirror of `repo`; `system` made it if spoof.

    `family`: of the system, where the manifest says so. `pair`: the blob hash of the recording of
    which this is a copy-synthesis.
    """

    split: str
    label: str
    repo: str
    sha: str
    path: str
    system: str
    kind: str
    language: str
    speaker: str
    year: int
    family: str = ""
    pair: str = ""
    licence: str = ""

    @property
    def spoof(self) -> bool:
        """Whether the clip is synthetic or manipulated speech."""
        return self.label == "spoof"

    @property
    def synthetic(self) -> bool:
        """Whether the clip is of a set made here, rather than of a public repository."""
        return self.repo.startswith("synthesis/")

    @property
    def group(self) -> str:
        """What sampling is uniform over: the system of a spoof, the source of bona fide speech."""
        return f"{self.system}" if self.spoof else self.repo


def check_reserved(clips: Sequence[Clip], reserved: Path) -> None:
    """Raises ValueError when a clip is of a repository that `reserved` lists, one a line.

    Such repositories are kept for the final test.
    """
    names = set(reserved.read_text(encoding="utf-8").split())
    used = sorted({clip.repo for clip in clips} & names)
    if used:
        raise ValueError(f"reserved for the final test: {', '.join(used)}")


def read_rows(path: Path) -> Iterator[dict[str, str]]:
    """The rows of a manifest (CSV, or gzip-compressed CSV) by column, in its order."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def read_manifest(path: Path) -> list[Clip]:
    """All clips of a manifest, in its order."""
    return [
        Clip(
            split=row["split"],
            label=row["label"],
            repo=row["repo"],
            sha=row["sha"],
            path=row["path"],
            system=row["system"],
            kind=row["kind"],
            language=row["language"],
            speaker=row["speaker"],
            year=int(row["year"] or 0),
            family=row.get("family", ""),
            pair=row.get("pair", ""),
            licence=row.get("licence", ""),
        )
        for row in read_rows(path)
    ]
