"""Reading objects in S3, or in a server that speaks its protocol, through obstore."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from io import RawIOBase
from typing import Any, cast

import boto3
import obstore
from obstore.auth.boto3 import Boto3CredentialProvider
from obstore.store import S3Store

READ_BYTES = 4 * 1_048_576
CONNECT_SECONDS = 5
DEFAULT_REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long S3 is waited for: `seconds` for one answer, and for all `attempts` together."""

    seconds: float
    attempts: int


def connect(bucket: str, prefix: str, endpoint: str | None, patience: Patience) -> S3Store:
    """The objects of `bucket` below the folder `prefix`; `endpoint` is None for AWS.

    Credentials and region are those that boto3 finds: environment, profile or the machine's role.
    Nothing is asked of the service yet. Raises ValueError without credentials.
    """
    session = boto3.session.Session()
    region = session.region_name or DEFAULT_REGION
    return S3Store(
        bucket,
        prefix=prefix or None,
        endpoint=endpoint or f"https://s3.{region}.amazonaws.com",
        region=region,
        credential_provider=Boto3CredentialProvider(session),
        client_options={
            "allow_http": (endpoint or "").startswith("http://"),
            "connect_timeout": timedelta(seconds=CONNECT_SECONDS),
            "timeout": timedelta(seconds=patience.seconds),
        },
        retry_config={
            "max_retries": patience.attempts - 1,
            "retry_timeout": timedelta(seconds=patience.seconds),
        },
    )


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """An object of `size` bytes; `e_tag` is None where the service names no versions."""

    key: str
    size: int
    e_tag: str | None


class ObjectFile(RawIOBase):
    """One version of an object, read in ranges; the latest range is held."""

    def __init__(
        self,
        store: S3Store,
        version: ObjectVersion,
        translated: Callable[[], AbstractContextManager[None]],
    ) -> None:
        """`translated` turns what obstore raises into the caller's errors."""
        self._store = store
        self._version = version
        self._translated = translated
        self._position = 0
        self._start = 0
        self._held = memoryview(b"")

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """Up to `size` bytes, all the rest for -1."""
        left = max(self._version.size - self._position, 0)
        wanted = left if size < 0 else min(size, left)
        parts: list[bytes] = []
        while wanted:
            part = self._part(wanted)
            parts.append(part)
            wanted -= len(part)
        return b"".join(parts)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Moves the position and returns it."""
        bases = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._version.size}
        self._position = max(0, bases[whence] + offset)
        return self._position

    def tell(self) -> int:
        """The position in bytes from the start."""
        return self._position

    def _part(self, most: int) -> bytes:
        """Between one and `most` of the next bytes."""
        if not self._start <= self._position < self._start + len(self._held):
            self._fetch()
        first = self._position - self._start
        part = bytes(self._held[first : first + most])
        self._position += len(part)
        return part

    def _fetch(self) -> None:
        end = min(self._position + READ_BYTES, self._version.size)
        options: dict[str, Any] = {"range": (self._position, end)}
        if self._version.e_tag is not None:
            options["if_match"] = self._version.e_tag
        with self._translated():
            answer = obstore.get(self._store, self._version.key, options=cast(Any, options))
            self._held = memoryview(answer.bytes())
        self._start = self._position
