"""An archive that is a folder."""

import os
import stat
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from veravox.archives.recordings import Recording
from veravox.errors import InvalidRequest, Unavailable


@dataclass(frozen=True, slots=True)
class FolderArchive:
    """The files below `root`, an absolute path; links to folders are not followed."""

    root: Path

    @property
    def url(self) -> str:
        """The folder's path."""
        return str(self.root)

    def files(self) -> Iterator[Recording]:
        """As Archive.files."""
        if not self.root.is_dir():
            raise InvalidRequest(f"{self.root} is not a folder")
        for folder, _, names in os.walk(self.root, onerror=_give_up):
            for name in names:
                path = Path(folder, name)
                size, version = _state(path)
                if version is not None:
                    yield Recording(_text(path.relative_to(self.root)), size, version)

    @contextmanager
    def open(self, recording: Recording) -> Generator[BinaryIO]:
        """As Archive.open."""
        with (self.root / recording.path).open("rb") as media:
            yield media


def _state(path: Path) -> tuple[int, str | None]:
    """Size and version; of a file that cannot be looked at, empty ones, as opening it will tell.

    The version is None for what is no file, such as a pipe.
    """
    try:
        status = path.stat()
    except OSError:
        return 0, ""
    return status.st_size, str(status.st_mtime_ns) if stat.S_ISREG(status.st_mode) else None


def _give_up(error: OSError) -> None:
    raise Unavailable(f"The folder {error.filename} cannot be listed: {error.strerror}") from error


def _text(path: Path) -> str:
    """The path as text; bytes that are no UTF-8 are shown as escapes, which open nothing."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
