"""Objects in S3 or in a server that speaks its protocol.

Uploads and downloads go past this server, by URLs that boto3 signs: length and type of an upload
are signed headers where they are bound. What this server reads, it reads through obstore in ranges,
all of one version of the object.
"""

import os
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from io import RawIOBase
from typing import Any, BinaryIO, TypeVar, cast

import boto3
import obstore
from anyio import to_thread
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from obstore.auth.boto3 import Boto3CredentialProvider
from obstore.exceptions import BaseError
from obstore.store import S3Store

from veravox.errors import NotFound, StorageUnavailable
from veravox.storage.protocol import SignedRequest, UploadTerms

LARGEST_SINGLE_UPLOAD = 5 * 1024**3
"""S3's own limit: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html"""
READ_BYTES = 4 * 1_048_576
CONNECT_SECONDS = 5
ANSWER_SECONDS = 30
ATTEMPTS = 3

Outcome = TypeVar("Outcome")


@dataclass(frozen=True, slots=True)
class S3Place:
    """A bucket and the beginning of all keys in it.

    `endpoint` is the address of the service, None for AWS; `public_endpoint` the one in signed
    URLs, None for the same.
    """

    bucket: str
    prefix: str = ""
    endpoint: str | None = None
    public_endpoint: str | None = None


class S3Storage:
    """The objects in one place, with the credentials that boto3 finds."""

    def __init__(self, place: S3Place, largest_single_upload: int = LARGEST_SINGLE_UPLOAD) -> None:
        """Nothing is asked of the service yet. Raises ValueError without credentials."""
        self._place = place
        self._largest = largest_single_upload
        session = boto3.session.Session()
        region = session.region_name or "us-east-1"
        self._client = _client(session, place.endpoint, region)
        self._signer = _client(session, place.public_endpoint or place.endpoint, region)
        plain = (place.endpoint or "").startswith("http://")
        self._store = S3Store(
            place.bucket,
            prefix=place.prefix or None,
            endpoint=place.endpoint or f"https://s3.{region}.amazonaws.com",
            region=region,
            credential_provider=Boto3CredentialProvider(session),
            client_options={
                "allow_http": plain,
                "connect_timeout": timedelta(seconds=CONNECT_SECONDS),
                "timeout": timedelta(seconds=ANSWER_SECONDS),
            },
            retry_config={
                "max_retries": ATTEMPTS - 1,
                "retry_timeout": timedelta(seconds=ANSWER_SECONDS),
            },
        )

    @property
    def largest_single_upload(self) -> int:
        """As Storage.largest_single_upload."""
        return self._largest

    async def sign_upload(self, terms: UploadTerms) -> SignedRequest:
        """As Storage.sign_upload."""
        wanted: dict[str, Any] = {}
        if terms.size is not None:
            wanted["ContentLength"] = terms.size
        if terms.content_type is not None:
            wanted["ContentType"] = terms.content_type
        return await self._signed("put_object", terms, wanted)

    async def sign_download(self, key: str, expires_at: datetime) -> str:
        """As Storage.sign_download."""
        signed = await self._signed("get_object", UploadTerms(key, expires_at), {})
        return signed.url

    async def begin_parts(self, terms: UploadTerms) -> str:
        """As Storage.begin_parts."""
        more = {} if terms.content_type is None else {"ContentType": terms.content_type}
        answer = await self._ask("create_multipart_upload", terms.key, more)
        return answer["UploadId"]

    async def sign_part(
        self,
        terms: UploadTerms,
        upload_id: str,
        number: int,
        offset: int,  # noqa: ARG002
    ) -> SignedRequest:
        """As Storage.sign_part."""
        part: dict[str, Any] = {"UploadId": upload_id, "PartNumber": number}
        if terms.size is not None:
            part["ContentLength"] = terms.size
        return await self._signed("upload_part", UploadTerms(terms.key, terms.expires_at), part)

    async def finish_parts(self, key: str, upload_id: str, sizes: Sequence[int]) -> bool:
        """As Storage.finish_parts."""
        if await self.size(key) is not None:
            return True
        parts = await self._parts(key, upload_id)
        found = [(part["PartNumber"], part["Size"]) for part in parts]
        if found != list(enumerate(sizes, start=1)):
            return False
        named = [{"PartNumber": part["PartNumber"], "ETag": part["ETag"]} for part in parts]
        wanted = {"UploadId": upload_id, "MultipartUpload": {"Parts": named}}
        await self._ask("complete_multipart_upload", key, wanted)
        return True

    async def drop_parts(self, key: str, upload_id: str) -> None:
        """As Storage.drop_parts."""
        try:
            await self._ask("abort_multipart_upload", key, {"UploadId": upload_id})
        except NotFound:
            return

    async def size(self, key: str) -> int | None:
        """As Storage.size."""
        try:
            with _translated():
                found = await obstore.head_async(self._store, key)
        except NotFound:
            return None
        return found["size"]

    @contextmanager
    def open(self, key: str) -> Generator[BinaryIO]:
        """As Storage.open."""
        with _translated():
            found = obstore.head(self._store, key)
        file = _ObjectFile(self._store, key, found["size"], found["e_tag"])
        yield cast(BinaryIO, file)

    async def delete(self, key: str) -> None:
        """As Storage.delete."""
        try:
            with _translated():
                await obstore.delete_async(self._store, key)
        except NotFound:
            return

    async def check(self) -> None:
        """As Storage.check."""
        await self.size("check")

    async def _parts(self, key: str, upload_id: str) -> list[dict[str, Any]]:
        """The parts that have arrived, by number. An unknown upload has none."""
        parts: list[dict[str, Any]] = []
        after = 0
        while True:
            wanted = {"UploadId": upload_id, "PartNumberMarker": after}
            try:
                answer = await self._ask("list_parts", key, wanted)
            except NotFound:
                return []
            parts += answer.get("Parts", [])
            if not answer.get("IsTruncated"):
                return parts
            after = answer["NextPartNumberMarker"]

    async def _signed(
        self, operation: str, terms: UploadTerms, more: Mapping[str, Any]
    ) -> SignedRequest:
        seconds = max(1, int((terms.expires_at - datetime.now(UTC)).total_seconds()))
        sign = partial(
            self._signer.generate_presigned_url,
            operation,
            Params={"Bucket": self._place.bucket, "Key": self._full(terms.key), **more},
            ExpiresIn=seconds,
        )
        url = await _in_thread(sign)
        headers = {} if terms.content_type is None else {"Content-Type": terms.content_type}
        return SignedRequest("PUT", url, headers, terms.expires_at)

    async def _ask(self, operation: str, key: str, more: Mapping[str, Any]) -> dict[str, Any]:
        call = getattr(self._client, operation)
        wanted = {"Bucket": self._place.bucket, "Key": self._full(key), **more}
        return await _in_thread(partial(call, **wanted))

    def _full(self, key: str) -> str:
        return f"{self._place.prefix}/{key}" if self._place.prefix else key


class _ObjectFile(RawIOBase):
    """One version of an object, read in ranges; the latest range is held."""

    def __init__(self, store: S3Store, key: str, size: int, version: str | None) -> None:
        self._store = store
        self._key = key
        self._size = size
        self._version = version
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
        left = max(self._size - self._position, 0)
        wanted = left if size < 0 else min(size, left)
        parts: list[bytes] = []
        while wanted:
            part = self._part(wanted)
            parts.append(part)
            wanted -= len(part)
        return b"".join(parts)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Moves the position and returns it."""
        bases = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}
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
        end = min(self._position + READ_BYTES, self._size)
        options: dict[str, Any] = {"range": (self._position, end)}
        if self._version is not None:
            options["if_match"] = self._version
        with _translated():
            answer = obstore.get(self._store, self._key, options=cast(Any, options))
            self._held = memoryview(answer.bytes())
        self._start = self._position


def _client(session: boto3.session.Session, endpoint: str | None, region: str) -> Any:
    return session.client(
        "s3",
        endpoint_url=endpoint,
        region_name=region,
        config=Config(
            signature_version="s3v4",
            connect_timeout=CONNECT_SECONDS,
            read_timeout=ANSWER_SECONDS,
            retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
            s3={"addressing_style": "auto" if endpoint is None else "path"},
            request_checksum_calculation="when_required",
        ),
    )


async def _in_thread(work: Callable[[], Outcome]) -> Outcome:
    def run() -> Outcome:
        with _translated():
            return work()

    return await to_thread.run_sync(run)


@contextmanager
def _translated() -> Generator[None]:
    """What both libraries report, as our own errors."""
    try:
        yield
    except FileNotFoundError:
        raise NotFound("The recording is not stored any more") from None
    except ClientError as error:
        if error.response["ResponseMetadata"].get("HTTPStatusCode") == 404:
            raise NotFound("The recording is not stored any more") from None
        raise StorageUnavailable("The storage refuses to serve") from error
    except (BaseError, BotoCoreError, OSError) as error:
        raise StorageUnavailable("The storage does not answer") from error
