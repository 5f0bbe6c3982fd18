"""Objects in S3 or in a server that speaks its protocol.

Uploads and downloads go past this server, by URLs that boto3 signs: length and type of an upload
are signed headers where they are bound. What this server reads, it reads through obstore in ranges,
all of one version of the object.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, BinaryIO, TypeVar, cast

import boto3
import obstore
from anyio import to_thread
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from obstore.exceptions import BaseError

from veravox.errors import NotFound, StorageUnavailable
from veravox.storage.objects import (
    CONNECT_SECONDS,
    DEFAULT_REGION,
    ObjectFile,
    ObjectVersion,
    Patience,
    connect,
)
from veravox.storage.protocol import SignedRequest, UploadTerms

LARGEST_SINGLE_UPLOAD = 5 * 1024**3
"""S3's own limit: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html"""
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
        region = session.region_name or DEFAULT_REGION
        self._client = _client(session, place.endpoint, region)
        self._signer = _client(session, place.public_endpoint or place.endpoint, region)
        patience = Patience(ANSWER_SECONDS, ATTEMPTS)
        self._store = connect(place.bucket, place.prefix, place.endpoint, patience)

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
        version = ObjectVersion(key, found["size"], found["e_tag"])
        yield cast(BinaryIO, ObjectFile(self._store, version, _translated))

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
