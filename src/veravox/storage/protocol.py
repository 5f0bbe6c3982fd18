"""What the service needs of a place for objects."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Protocol


@dataclass(frozen=True, slots=True)
class UploadTerms:
    """What may be uploaded, and until when: the object `key`, before `expires_at` (UTC).

    With `size` (bytes) or `content_type` an upload must have exactly those.
    """

    key: str
    expires_at: datetime
    size: int | None = None
    content_type: str | None = None


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request that its holder may make without a key, until `expires_at`.

    `url` is absolute, or a path on this server. The request must carry `headers`.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    expires_at: datetime


class Storage(Protocol):
    """Objects by key, which is ``[a-z0-9_]{1,64}``.

    Every call may raise StorageUnavailable.
    """

    @property
    def largest_single_upload(self) -> int:
        """Bytes of the largest object that one request can upload."""
        ...

    async def sign_upload(self, terms: UploadTerms) -> SignedRequest:
        """A request that uploads the object."""
        ...

    async def sign_download(self, key: str, expires_at: datetime) -> str:
        """A URL, or a path on this server, that gives the object to anyone until `expires_at`."""
        ...

    async def begin_parts(self, terms: UploadTerms) -> str:
        """The id of an upload in parts."""
        ...

    async def sign_part(
        self, terms: UploadTerms, upload_id: str, number: int, offset: int
    ) -> SignedRequest:
        """A request that uploads part `number`, from 1, which starts at byte `offset`.

        `terms.size` is that part's; its type is not bound.
        """
        ...

    async def finish_parts(self, key: str, upload_id: str, sizes: Sequence[int]) -> bool:
        """Make the parts into the object; False while one is missing or not of its size."""
        ...

    async def drop_parts(self, key: str, upload_id: str) -> None:
        """Forget an upload in parts; one that is unknown or finished is left alone."""
        ...

    async def size(self, key: str) -> int | None:
        """Bytes of the object, None when there is none."""
        ...

    def open(self, key: str) -> AbstractContextManager[BinaryIO]:
        """The object as a seekable file that reads as it goes. Blocks; raises NotFound."""
        ...

    async def delete(self, key: str) -> None:
        """Delete the object if it is there."""
        ...

    async def check(self) -> None:
        """Ask the storage for an answer."""
        ...
