"""Recordings as callers give them, and request bodies that are read as they are sent."""

import io
import os
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import httpx
from anyio import to_thread

Media = str | os.PathLike[str] | bytes | BinaryIO
"""A path, the bytes of a recording, or a seekable binary file, which is read from its beginning."""

OnUpload = Callable[[int, int], None]
"""Is called with the bytes sent so far and the bytes in all; starts again when a try failed."""

BLOCK_BYTES = 262_144
DEFAULT_NAME = "recording"


@dataclass(frozen=True)
class Source:
    """An open recording of `size` bytes."""

    file: BinaryIO
    size: int
    name: str

    def blocks(self, offset: int, size: int) -> Iterator[bytes]:
        """The `size` bytes from `offset` on, or fewer where the file ends before."""
        self.file.seek(offset)
        left = size
        while left and (block := self.file.read(min(BLOCK_BYTES, left))):
            left -= len(block)
            yield block


@contextmanager
def open_media(media: Media, name: str | None = None) -> Generator[Source]:
    """The recording in `media`, called `name`. Raises OSError, and ValueError for a pipe."""
    if isinstance(media, bytes):
        yield Source(io.BytesIO(media), len(media), name or DEFAULT_NAME)
    elif isinstance(media, str | os.PathLike):
        path = Path(media)
        with path.open("rb") as file:
            yield Source(file, _size(file), name or path.name)
    else:
        yield Source(media, _size(media), name or _name_of(media))


def _size(file: BinaryIO) -> int:
    if not file.seekable():
        raise ValueError("the recording must be a seekable file, because it may be sent again")
    return file.seek(0, os.SEEK_END)


def _name_of(file: BinaryIO) -> str:
    name = getattr(file, "name", None)
    return Path(name).name if isinstance(name, str) else DEFAULT_NAME


class Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A request body that can be sent again; the asynchronous side reads in threads."""

    def __init__(
        self,
        blocks: Callable[[], Iterator[bytes]],
        on_upload: OnUpload | None,
        before: int,
        total: int,
    ) -> None:
        """`blocks` begins anew each time. `before` of `total` bytes were sent by other requests."""
        self._blocks = blocks
        self._on_upload = on_upload
        self._before = before
        self._total = total

    def __iter__(self) -> Iterator[bytes]:
        """The body, telling of each block once it is sent."""
        sent = self._before
        for block in self._blocks():
            yield block
            sent += len(block)
            self._tell(sent)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The body, telling of each block once it is sent."""
        sent = self._before
        blocks = self._blocks()
        while (block := await to_thread.run_sync(next, blocks, None)) is not None:
            yield block
            sent += len(block)
            self._tell(sent)

    def _tell(self, sent: int) -> None:
        if self._on_upload is not None:
            self._on_upload(sent, self._total)
