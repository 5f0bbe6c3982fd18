"""An archive in S3, or in a server that speaks its protocol.

Credentials and region are those that boto3 finds: environment, profile or the machine's role.
"""

import errno
import functools
import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from io import BufferedReader, RawIOBase
from itertools import chain
from typing import Any, BinaryIO, cast

import boto3
import obstore
from obstore.auth.boto3 import Boto3CredentialProvider
from obstore.exceptions import BaseError, PermissionDeniedError, PreconditionError
from obstore.store import S3Store

from veravox.archives.recordings import Recording
from veravox.errors import InvalidRequest, Unavailable

READ_BYTES = 4 * 1_048_576
CONNECT_SECONDS = 5
ANSWER_SECONDS = 60
PATIENCE_SECONDS = 60
ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class S3Archive:
    """The objects of `bucket` whose keys begin with the folder `prefix`, empty for all.

    `endpoint` is the address of the service, None for AWS.
    """

    bucket: str
    prefix: str = ""
    endpoint: str | None = None

    @property
    def url(self) -> str:
        """``s3://bucket/prefix``."""
        return f"s3://{self.bucket}/{self.prefix}"

    def files(self) -> Iterator[Recording]:
        """As Archive.files."""
        store: Any = _store(self)
        try:
            with _translated(self.url):
                for item in chain.from_iterable(store.list()):
                    version = item["e_tag"] or item["last_modified"].isoformat()
                    yield Recording(item["path"], item["size"], version)
        except OSError as error:
            raise InvalidRequest(f"{self.url} cannot be listed: {error.strerror}") from error

    @contextmanager
    def open(self, recording: Recording) -> Generator[BinaryIO]:
        """As Archive.open; it is read in ranges, all of the version that was listed."""
        file = _ObjectFile(_store(self), recording, self.url)
        with BufferedReader(file, READ_BYTES) as media:
            yield cast(BinaryIO, media)


class _ObjectFile(RawIOBase):
    """One version of an object, read in ranges."""

    def __init__(self, store: S3Store, recording: Recording, url: str) -> None:
        self._store = store
        self._recording = recording
        self._url = url
        self._position = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Moves the position and returns it."""
        bases = {
            os.SEEK_SET: 0,
            os.SEEK_CUR: self._position,
            os.SEEK_END: self._recording.size,
        }
        self._position = max(0, bases[whence] + offset)
        return self._position

    def tell(self) -> int:
        """The position in bytes from the start."""
        return self._position

    def readinto(self, buffer: Any, /) -> int:
        """Fills `buffer` as far as the object goes."""
        target: memoryview = memoryview(buffer)
        end = min(self._position + target.nbytes, self._recording.size)
        if end <= self._position:
            return 0
        options: dict[str, Any] = {"range": (self._position, end)}
        if self._recording.version.startswith('"'):
            options["if_match"] = self._recording.version
        with _translated(self._url):
            answer = obstore.get(self._store, self._recording.path, options=cast(Any, options))
            data = memoryview(answer.bytes())
        target[: data.nbytes] = data
        self._position += data.nbytes
        return data.nbytes


@functools.cache
def _store(archive: S3Archive) -> S3Store:
    """This process's connections. Raises InvalidRequest without credentials."""
    session = boto3.session.Session()
    region = session.region_name or "us-east-1"
    try:
        credentials = Boto3CredentialProvider(session)
    except ValueError:
        raise InvalidRequest("No credentials for S3 were found") from None
    return S3Store(
        archive.bucket,
        prefix=archive.prefix or None,
        endpoint=archive.endpoint or f"https://s3.{region}.amazonaws.com",
        region=region,
        credential_provider=credentials,
        client_options={
            "allow_http": (archive.endpoint or "").startswith("http://"),
            "connect_timeout": timedelta(seconds=CONNECT_SECONDS),
            "timeout": timedelta(seconds=ANSWER_SECONDS),
        },
        retry_config={
            "max_retries": ATTEMPTS,
            "retry_timeout": timedelta(seconds=PATIENCE_SECONDS),
        },
    )


@contextmanager
def _translated(url: str) -> Generator[None]:
    """What S3 reports: OSError for a single object, Unavailable for all of them."""
    try:
        yield
    except FileNotFoundError as error:
        raise FileNotFoundError(errno.ENOENT, "No such object") from error
    except PermissionDeniedError as error:
        raise PermissionError(errno.EACCES, "Permission denied") from error
    except PreconditionError as error:
        raise OSError(errno.ESTALE, "The object changed during the scan") from error
    except BaseError as error:
        raise Unavailable(f"{url} cannot be read: {type(error).__name__}") from error
