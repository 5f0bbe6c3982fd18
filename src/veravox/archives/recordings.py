"""What an archive is: recordings that can be listed and opened."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import PurePath
from typing import BinaryIO, Protocol

MEDIA_SUFFIXES = frozenset(
    (
        *(".wav", ".mp3", ".aac", ".flac", ".ogg", ".oga", ".opus", ".amr"),
        *(".m4a", ".mp4", ".mov", ".avi", ".mkv", ".mka", ".webm"),
    )
)


@dataclass(frozen=True, slots=True)
class Recording:
    """A file of an archive: its path from the archive's root, its size in bytes.

    `version` is a text that changes when the contents do.
    """

    path: str
    size: int
    version: str


class Archive(Protocol):
    """A place full of files. It can be sent to other processes and hosts."""

    @property
    def url(self) -> str:
        """What tells this archive from all others."""
        ...

    def files(self) -> Iterator[Recording]:
        """All files below the root, in any order.

        Raises InvalidRequest when there is no such place, Unavailable when it cannot be listed.
        """
        ...

    def open(self, recording: Recording) -> AbstractContextManager[BinaryIO]:
        """The file, at its start. Raises OSError for this file, Unavailable for the whole place."""
        ...


def looks_like_media(path: str) -> bool:
    """Whether the name is that of a recording."""
    return PurePath(path).suffix.lower() in MEDIA_SUFFIXES
