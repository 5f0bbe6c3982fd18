"""Small files that hold secrets."""

import os
from pathlib import Path
from secrets import token_bytes
from tempfile import NamedTemporaryFile


def write_once(path: Path, content: bytes) -> None:
    """Write a new file, readable by the owner only; one that is there stays as it is.

    The file appears whole or not at all, and the first of several processes wins.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with NamedTemporaryFile("wb", dir=path.parent, prefix=".secret-") as draft:
        draft.write(content)
        draft.flush()
        os.fsync(draft.fileno())
        try:
            os.link(draft.name, path)
        except FileExistsError:
            return
    _sync(path.parent)


def shred(path: Path) -> bool:
    """Overwrite and remove a file; whether it was there."""
    try:
        with path.open("r+b") as file:
            file.write(token_bytes(path.stat().st_size))
            file.flush()
            os.fsync(file.fileno())
        path.unlink()
    except FileNotFoundError:
        return False
    _sync(path.parent)
    return True


def _sync(folder: Path) -> None:
    """Make what happened to the folder's names last."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
