"""The audio that a git mirror holds: at its head, on other branches and in its history."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_AUDIO = re.compile(r"\.(aac|flac|m4a|mp3|mp4|ogg|opus|wav|webm)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Blob:
    """An audio file: its git blob, a path and a commit under which it lies."""

    sha: str
    path: str
    commit: str
    found_in: str


def audio_blobs(git: Path) -> list[Blob]:
    """Every audio blob of a git directory under each of its paths, first those at the head."""
    blobs: dict[tuple[str, str], Blob] = {}
    for blob in (*_at_head(git), *_in_history(git)):
        if _AUDIO.search(blob.path):
            blobs.setdefault((blob.sha, blob.path), blob)
    return list(blobs.values())


def _at_head(git: Path) -> Iterator[Blob]:
    commit = _git(git, "rev-parse", "HEAD").strip()
    for entry in _git(git, "ls-tree", "-r", "-z", "HEAD").split("\0"):
        if entry:
            facts, path = entry.split("\t", 1)
            yield Blob(facts.split()[2], path, commit, "head")


def _in_history(git: Path) -> Iterator[Blob]:
    log = ("log", "--all", "--root", "-m", "--no-renames", "--diff-filter=d", "--format=%H")
    commit = ""
    for line in _git(git, *log, "--raw", "--no-abbrev").splitlines():
        if line.startswith(":"):
            facts, path = line.split("\t", 1)
            yield Blob(facts.split()[3], path, commit, "history")
        elif line:
            commit = line


def _git(git: Path, *arguments: str) -> str:
    command = ["git", "--git-dir", str(git), "-c", "core.quotePath=off", *arguments]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    return output.decode("utf-8", "replace")
