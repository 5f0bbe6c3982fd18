"""Finding the recordings that arrive in a folder, each once it is complete.

The folder is looked at again and again, which works on every file system, also on one that other
machines write to.
"""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from veravox.archives.recordings import looks_like_media

LOOK_SECONDS = 0.5
SETTLED_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class _State:
    """What changes while a file is being written."""

    size: int
    modified: int


@dataclass(slots=True)
class _Watched:
    """A file's state, since when it has it, and whether it was handed out in it."""

    state: _State
    since: float
    done: bool = False


class FolderWatch:
    """The recordings of one folder."""

    def __init__(
        self, folder: Path, *, recursive: bool, settled_seconds: float = SETTLED_SECONDS
    ) -> None:
        """A recording is complete when it has not changed for `settled_seconds`."""
        self._folder = folder
        self._recursive = recursive
        self._settled_seconds = settled_seconds
        self._watched: dict[Path, _Watched] = {}

    def recordings(self) -> Iterator[Path]:
        """Every recording that is there or arrives, once; again after it was changed. Never ends.

        Hidden files are left alone: programs that copy write under such names first.
        """
        while True:
            yield from self.settled(time.monotonic())
            time.sleep(LOOK_SECONDS)

    def settled(self, now: float) -> list[Path]:
        """What became complete by `now`, in monotonic seconds."""
        found = dict(self._found())
        self._watched = {path: self._watched[path] for path in self._watched if path in found}
        for path, state in found.items():
            known = self._watched.get(path)
            if known is None or known.state != state:
                self._watched[path] = _Watched(state, now)
        ready = [
            path
            for path, watched in sorted(self._watched.items())
            if not watched.done
            and watched.state.size
            and now - watched.since >= self._settled_seconds
        ]
        for path in ready:
            self._watched[path].done = True
        return ready

    def _found(self) -> Iterator[tuple[Path, _State]]:
        for folder, folders, names in os.walk(self._folder):
            if self._recursive:
                folders[:] = [name for name in folders if not name.startswith(".")]
            else:
                folders.clear()
            for name in names:
                path = Path(folder, name)
                if looks_like_media(name) and not name.startswith(".") and path.is_file():
                    yield from _state(path)


def _state(path: Path) -> Iterator[tuple[Path, _State]]:
    """The file with its state, or nothing if it has just gone."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return
    yield path, _State(found.st_size, found.st_mtime_ns)
