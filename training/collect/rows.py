"""From described repositories and their mirrors to manifest rows."""

import csv
import gzip
import io
import logging
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from training.collect.description import Described, Source, describe
from training.collect.listing import Blob, audio_blobs
from training.collect.probe import probe
from training.corpora import blobs, git_directory

PER_SYSTEM = 60
PER_SOURCE = 300
SHORTEST_SECONDS = 0.5

_CORPUS_SPEAKERS = (
    (re.compile(r"(?<![a-z0-9])LJ\d{3}[-_]\d{4}", re.IGNORECASE), "LJ"),
    (re.compile(r"(?<![a-z0-9])(p[23]\d{2})[-_]\d{3}(?!\d)"), "VCTK_{}"),
    (re.compile(r"(?<!\d)(\d{2,4})[-_]\d{3,6}[-_]\d{4}(?!\d)"), "LS{}"),
    (re.compile(r"(?<!\d)(\d{2,4})_\d{3,6}_\d{6}_\d{6}"), "LS{}"),
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the manifest, in the order of its columns."""

    split: str
    label: str
    repo: str
    commit: str
    found_in: str
    path: str
    sha: str
    format: str
    sample_rate: int
    duration: float
    system: str
    kind: str
    language: str
    speaker: str
    year: int
    family: str
    licence: str
    provenance: str
    non_commercial: bool


def collect(
    sources: Sequence[Source], mirrors: Path, reserved: set[str], known: set[str]
) -> list[Row]:
    """The rows of all sources, each blob once, without those in `known` (git blob hashes).

    At most 60 clips of each system and 300 of bona fide speech are taken of a repository, by the
    order of their hashes. Clips that do not open or last less than half a second are left out, and
    so is, with a line in the log, a repository without a mirror in
    `mirrors/<owner>+<name>/repo[/.git]`.

    Raises ValueError for a source among the `reserved` repositories.
    """
    refused = sorted(reserved & {source.repo for source in sources})
    if refused:
        raise ValueError(f"reserved for the final test: {', '.join(refused)}")
    seen = set(known)
    rows: list[Row] = []
    for source in sources:
        git = git_directory(mirrors, source.repo)
        if git is None:
            log.warning("%s: no mirror", source.repo)
            continue
        new = list(_rows(source, git, seen))
        seen.update(row.sha for row in new)
        rows += new
        log.info("%s: %s", source.repo, dict(Counter(row.label for row in new)))
    return rows


def corpus_speaker(path: str) -> str:
    """The speaker that the file names of widespread corpora carry, as the manifest spells it.

    Known are LJ Speech, VCTK and the LibriSpeech family. Empty for any other name.
    """
    name = path.rsplit("/", 1)[-1]
    for pattern, speaker in _CORPUS_SPEAKERS:
        match = pattern.search(name)
        if match:
            return speaker.format(*match.groups())
    return ""


def write_rows(rows: Sequence[Row], path: Path) -> None:
    """A gzip-compressed manifest, the same bytes for the same rows."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Row)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    path.write_bytes(gzip.compress(text.getvalue().encode("utf-8"), mtime=0))


def _rows(source: Source, git: Path, seen: set[str]) -> Iterator[Row]:
    described: dict[str, tuple[Blob, Described]] = {}
    for blob in audio_blobs(git):
        if blob.sha not in seen and blob.sha not in described:
            what = describe(source, blob.path)
            if what is not None:
                described[blob.sha] = blob, what
    taken: Counter[tuple[str, str]] = Counter()
    for sha, content in blobs(git, sorted(described)):
        blob, what = described[sha]
        group = (what.label, what.system)
        if taken[group] == (PER_SOURCE if what.label == "bonafide" else PER_SYSTEM):
            continue
        facts = probe(content)
        if facts is None or facts.seconds < SHORTEST_SECONDS:
            continue
        taken[group] += 1
        yield _row(source, blob, what, facts.container, facts.sample_rate, facts.seconds)


def _row(
    source: Source, blob: Blob, what: Described, container: str, sample_rate: int, seconds: float
) -> Row:
    return Row(
        split="train",
        label=what.label,
        repo=source.repo,
        commit=blob.commit,
        found_in=blob.found_in,
        path=blob.path,
        sha=blob.sha,
        format=container,
        sample_rate=sample_rate,
        duration=seconds,
        system=what.system,
        kind=what.kind,
        language=what.language,
        speaker=what.speaker or corpus_speaker(blob.path),
        year=source.year,
        family=what.family,
        licence=source.licence,
        provenance=source.provenance,
        non_commercial=source.non_commercial,
    )
