"""An archive in S3, or in a server that speaks its protocol.

Credentials and region are those that boto3 finds: environment, profile or the machine's role.
"""

import errno
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from itertools import chain
from typing import Any, BinaryIO, cast

from obstore.exceptions import BaseError, PermissionDeniedError, PreconditionError
from obstore.store import S3Store

from veravox.archives.recordings import Recording
from veravox.errors import InvalidRequest, Unavailable
from veravox.storage.objects import ObjectFile, ObjectVersion, Patience, connect

PATIENCE = Patience(seconds=60, attempts=6)


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
        e_tag = recording.version if recording.version.startswith('"') else None
        version = ObjectVersion(recording.path, recording.size, e_tag)
        yield cast(BinaryIO, ObjectFile(_store(self), version, partial(_translated, self.url)))


@cache
def _store(archive: S3Archive) -> S3Store:
    """This process's connections. Raises InvalidRequest without credentials."""
    try:
        return connect(archive.bucket, archive.prefix, archive.endpoint, PATIENCE)
    except ValueError:
        raise InvalidRequest("No credentials for S3 were found") from None


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
