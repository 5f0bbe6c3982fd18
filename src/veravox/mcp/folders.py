"""Opening files of a few allowed folders, and nothing else.

Each part of a path is opened relative to the folder before it, and symbolic links are not followed:
there is no moment between a check and the opening at which a path could come to mean another file.
"""

import os
import stat
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from veravox.errors import InvalidRequest, NotFound

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC


class AllowedFolders:
    """The folders whose files may be opened."""

    def __init__(self, folders: Sequence[Path]) -> None:
        """The folders themselves may be reached through links. Raises InvalidRequest."""
        self.paths = tuple(folder.resolve() for folder in folders)
        for folder in self.paths:
            if not folder.is_dir():
                raise InvalidRequest(f"{folder} is no folder")

    @contextmanager
    def open(self, path: str) -> Generator[BinaryIO]:
        """The file at `path`, absolute or relative to an allowed folder, at its start.

        Raises InvalidRequest for a path that is not allowed, NotFound when there is no such file.
        """
        for folder, parts in self._places(path):
            try:
                file = _open_below(folder, parts)
            except FileNotFoundError:
                continue
            except (OSError, ValueError):
                raise InvalidRequest(f"'{path}' is no file, is a link, or cannot be read") from None
            with file:
                yield file
            return
        raise NotFound(f"There is no file '{path}' in the allowed folders")

    def _places(self, path: str) -> list[tuple[Path, tuple[str, ...]]]:
        """Where the file can be: folders with the parts of the path below them."""
        asked = Path(path)
        if ".." in asked.parts:
            raise InvalidRequest(f"'{path}' is not allowed: leave out '..'")
        if not asked.is_absolute():
            return [(folder, asked.parts) for folder in self.paths]
        places = [
            (folder, asked.relative_to(folder).parts)
            for folder in self.paths
            if asked.is_relative_to(folder)
        ]
        if not places:
            raise InvalidRequest(f"'{path}' is outside the allowed folders")
        return places


def _open_below(folder: Path, parts: tuple[str, ...]) -> BinaryIO:
    """The regular file that `parts` lead to from `folder`. Raises OSError, ValueError."""
    here = os.open(folder, _FOLDER)
    try:
        for part in parts[:-1]:
            below = os.open(part, _FOLDER, dir_fd=here)
            os.close(here)
            here = below
        descriptor = os.open(parts[-1] if parts else ".", _FILE, dir_fd=here)
    finally:
        os.close(here)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError("not a regular file")
    return os.fdopen(descriptor, "rb")
