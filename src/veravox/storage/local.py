"""Objects in a folder of this machine, uploaded and downloaded through this server.

An upload is written beside its place, flushed to the disk and then linked into place, so that an
object is there whole or not at all; the first complete upload of a key counts. The parts of a large
upload are written into one file, each where it belongs, and each leaves a mark when it is complete.
"""

import os
import shutil
import time
from collections.abc import AsyncIterable, Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from errno import EDQUOT, EFBIG, ENOSPC
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO, TypeVar, TypeVarTuple, Unpack, cast

from anyio import CancelScope, to_thread

from veravox.errors import NotFound, PayloadTooLarge, StorageUnavailable
from veravox.storage.protocol import SignedRequest, UploadTerms
from veravox.storage.signing import Permission, UrlSigner

BLOCK_BYTES = 1_048_576
LARGEST_SINGLE_UPLOAD = 5 * 1024**3
STALE_SECONDS = 86_400.0
"""How long an upload may rest before what came of it is swept away."""

_FULL = frozenset((ENOSPC, EDQUOT, EFBIG))

Outcome = TypeVar("Outcome")
Arguments = TypeVarTuple("Arguments")


class LocalStorage:
    """The objects below one folder."""

    def __init__(
        self, folder: Path, signer: UrlSigner, largest_single_upload: int = LARGEST_SINGLE_UPLOAD
    ) -> None:
        """`folder` is created when first needed."""
        self._folder = folder
        self._incoming = folder / "incoming"
        self._signer = signer
        self._largest = largest_single_upload

    @property
    def largest_single_upload(self) -> int:
        """As Storage.largest_single_upload."""
        return self._largest

    async def sign_upload(self, terms: UploadTerms) -> SignedRequest:
        """As Storage.sign_upload; never waits."""
        return self._signed(terms, Permission("PUT", terms.key, _expiry(terms.expires_at)))

    async def sign_download(self, key: str, expires_at: datetime) -> str:
        """As Storage.sign_download; never waits."""
        return self._signer.sign(Permission("GET", key, _expiry(expires_at)))

    async def begin_parts(self, terms: UploadTerms) -> str:
        """As Storage.begin_parts."""
        await _on_disk(self._make_parts_folder, terms.key)
        return terms.key

    async def sign_part(
        self,
        terms: UploadTerms,
        upload_id: str,  # noqa: ARG002
        number: int,
        offset: int,
    ) -> SignedRequest:
        """As Storage.sign_part; never waits."""
        permission = Permission(
            "PUT", terms.key, _expiry(terms.expires_at), part=number, offset=offset
        )
        return self._signed(terms, permission)

    async def finish_parts(
        self,
        key: str,
        upload_id: str,  # noqa: ARG002
        sizes: Sequence[int],
    ) -> bool:
        """As Storage.finish_parts."""
        return await _on_disk(self._join, key, sizes)

    async def drop_parts(self, key: str, upload_id: str) -> None:  # noqa: ARG002
        """As Storage.drop_parts."""
        await _on_disk(_remove_folder, self._parts(key))

    async def size(self, key: str) -> int | None:
        """As Storage.size."""
        return await _on_disk(_size, self._path(key))

    @contextmanager
    def open(self, key: str) -> Generator[BinaryIO]:
        """As Storage.open."""
        try:
            file = self._path(key).open("rb")
        except FileNotFoundError:
            raise NotFound("The recording is not stored any more") from None
        with file:
            yield file

    async def delete(self, key: str) -> None:
        """As Storage.delete."""
        await _on_disk(_remove, self._path(key))

    async def check(self) -> None:
        """As Storage.check: the folder can be written to."""
        await _on_disk(self._incoming.mkdir, 0o777, True, True)
        if not os.access(self._incoming, os.W_OK):
            raise StorageUnavailable("The folder for recordings cannot be written to")

    def verify(self, method: str, key: str, query: Mapping[str, str]) -> Permission:
        """What the URL of a request allows. Raises Forbidden."""
        return self._signer.verify(method, key, query)

    def path(self, key: str) -> Path:
        """The file of an object. Raises NotFound."""
        path = self._path(key)
        if not path.is_file():
            raise NotFound("The recording is not stored any more")
        return path

    async def receive(self, permission: Permission, body: AsyncIterable[bytes], limit: int) -> None:
        """Keep what `body` brings, at most `limit` bytes, as the object or its part.

        The caller checks the length. Nothing is left of a body that breaks off. Raises
        PayloadTooLarge, StorageUnavailable when the disk is full, and what `body` raises.
        """
        if permission.part:
            await self._receive_part(permission, body, limit)
        else:
            await self._receive_whole(permission.key, body, limit)

    def sweep(self) -> None:
        """Remove what uploads left that broke off long ago. Blocks."""
        if not self._incoming.is_dir():
            return
        oldest = time.time() - STALE_SECONDS
        for path in self._incoming.iterdir():
            with suppress(FileNotFoundError):
                if path.is_file() and path.stat().st_mtime < oldest:
                    path.unlink()

    async def _receive_whole(self, key: str, body: AsyncIterable[bytes], limit: int) -> None:
        draft = self._incoming / f"{key}.{token_hex(8)}"
        try:
            await _on_disk(self._reserve, draft, self._path(key))
            await _write(draft, 0, body, limit)
            await _on_disk(_put_in_place, draft, self._path(key))
        finally:
            with CancelScope(shield=True):
                await _on_disk(_remove, draft)

    async def _receive_part(
        self, permission: Permission, body: AsyncIterable[bytes], limit: int
    ) -> None:
        folder = self._parts(permission.key)
        try:
            written = await _write(folder / "data", permission.offset, body, limit)
        except FileNotFoundError:
            raise NotFound("The upload is not open any more") from None
        await _on_disk((folder / f"part.{permission.part}").write_text, str(written))

    def _reserve(self, draft: Path, place: Path) -> None:
        draft.parent.mkdir(parents=True, exist_ok=True)
        place.parent.mkdir(parents=True, exist_ok=True)
        draft.touch()

    def _make_parts_folder(self, key: str) -> None:
        folder = self._parts(key)
        folder.mkdir(parents=True)
        (folder / "data").touch()

    def _join(self, key: str, sizes: Sequence[int]) -> bool:
        folder, place = self._parts(key), self._path(key)
        if place.is_file():
            return True
        for number, size in enumerate(sizes, start=1):
            mark = folder / f"part.{number}"
            if not mark.is_file() or mark.read_text() != str(size):
                return False
        place.parent.mkdir(parents=True, exist_ok=True)
        _put_in_place(folder / "data", place)
        _remove_folder(folder)
        return True

    def _signed(self, terms: UploadTerms, permission: Permission) -> SignedRequest:
        bound = replace(permission, size=terms.size, content_type=terms.content_type)
        headers = {} if terms.content_type is None else {"Content-Type": terms.content_type}
        return SignedRequest("PUT", self._signer.sign(bound), headers, terms.expires_at)

    def _path(self, key: str) -> Path:
        return self._folder / key[-2:] / key

    def _parts(self, key: str) -> Path:
        return self._incoming / f"{key}.parts"


async def _write(path: Path, offset: int, body: AsyncIterable[bytes], limit: int) -> int:
    """Bytes that were written into the existing file `path` from `offset`, safe on the disk."""
    file = cast(BinaryIO, await _on_disk(path.open, "r+b", 0))
    written = 0
    held = bytearray()
    try:
        await _on_disk(file.seek, offset)
        async for block in body:
            held += block
            written += len(block)
            if written > limit:
                raise PayloadTooLarge(limit)
            if len(held) >= BLOCK_BYTES:
                await _on_disk(_write_all, file, bytes(held))
                held.clear()
        await _on_disk(_write_all, file, bytes(held))
        await _on_disk(os.fsync, file.fileno())
    finally:
        file.close()
    return written


def _write_all(file: BinaryIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def _put_in_place(draft: Path, place: Path) -> None:
    """Make `draft` the object unless there already is one."""
    with suppress(FileExistsError):
        os.link(draft, place)
    folder = os.open(place.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


def _remove_folder(path: Path) -> None:
    with suppress(FileNotFoundError):
        shutil.rmtree(path)


def _size(path: Path) -> int | None:
    return path.stat().st_size if path.is_file() else None


def _expiry(moment: datetime) -> int:
    return int(moment.timestamp())


async def _on_disk(work: Callable[[Unpack[Arguments]], Outcome], *arguments: *Arguments) -> Outcome:
    """What `work` returns, from a thread; what the operating system reports as our own errors."""
    try:
        return await to_thread.run_sync(work, *arguments)
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno in _FULL:
            raise StorageUnavailable("There is no room for more recordings") from error
        raise StorageUnavailable("The folder for recordings cannot be used") from error
