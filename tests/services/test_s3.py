"""Storage in a real S3 server, which checks signatures as AWS does."""

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from veravox.errors import NotFound, StorageUnavailable
from veravox.storage import UploadTerms
from veravox.storage.objects import READ_BYTES
from veravox.storage.s3 import S3Place, S3Storage

pytestmark = pytest.mark.anyio

MEBIBYTE = 1_048_576
CONTENT = os.urandom(100_000)


@pytest.fixture
def storage(s3: S3Place) -> S3Storage:
    return S3Storage(s3)


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=30.0) as client:
        yield client


def terms(
    size: int | None = len(CONTENT), seconds: float = 60.0, key: str = "upl_1"
) -> UploadTerms:
    until = datetime.now(UTC) + timedelta(seconds=seconds)
    return UploadTerms(key, until, size, None if size is None else "audio/wav")


async def test_an_object_is_uploaded_measured_read_downloaded_and_deleted(
    storage: S3Storage, http: httpx.AsyncClient
) -> None:
    assert await storage.size("upl_1") is None
    signed = await storage.sign_upload(terms())
    assert (await http.put(signed.url, content=CONTENT, headers=signed.headers)).status_code == 200
    assert await storage.size("upl_1") == len(CONTENT)
    with storage.open("upl_1") as file:
        assert file.read() == CONTENT
        file.seek(-10, os.SEEK_END)
        assert file.read(100) == CONTENT[-10:]
        file.seek(7)
        assert file.read(3) == CONTENT[7:10]
    url = await storage.sign_download("upl_1", terms().expires_at)
    assert (await http.get(url)).content == CONTENT
    await storage.delete("upl_1")
    await storage.delete("upl_1")
    assert await storage.size("upl_1") is None
    with pytest.raises(NotFound), storage.open("upl_1"):
        pass


async def test_a_signed_url_refuses_another_length_type_place_or_method(
    storage: S3Storage, http: httpx.AsyncClient
) -> None:
    signed = await storage.sign_upload(terms())
    headers = dict(signed.headers)
    url = httpx.URL(signed.url)
    assert (await http.put(url, content=CONTENT[:-1], headers=headers)).status_code == 403
    assert (await http.put(url, content=CONTENT + b"x", headers=headers)).status_code == 403
    assert (
        await http.put(url, content=CONTENT, headers={"Content-Type": "a/b"})
    ).status_code == 403
    assert (await http.put(url, content=CONTENT)).status_code == 403
    elsewhere = url.copy_with(path=url.path.replace("upl_1", "upl_2"))
    assert (await http.put(elsewhere, content=CONTENT, headers=headers)).status_code == 403
    later = url.copy_merge_params({"X-Amz-Expires": "9999"})
    assert (await http.put(later, content=CONTENT, headers=headers)).status_code == 403
    assert (await http.get(url)).status_code == 403
    assert await storage.size("upl_1") is None


async def test_a_signed_url_ends(storage: S3Storage, http: httpx.AsyncClient) -> None:
    signed = await storage.sign_upload(terms(seconds=1.0))
    await_end = datetime.now(UTC) + timedelta(seconds=2.5)
    while datetime.now(UTC) < await_end:
        await storage.check()
    answer = await http.put(signed.url, content=CONTENT, headers=signed.headers)
    assert answer.status_code == 403


async def test_an_upload_without_a_length_is_not_bound(
    storage: S3Storage, http: httpx.AsyncClient
) -> None:
    signed = await storage.sign_upload(terms(size=None))
    assert (await http.put(signed.url, content=b"anything")).status_code == 200


async def test_parts_become_an_object_once_all_are_there(
    storage: S3Storage, http: httpx.AsyncClient
) -> None:
    sizes = (5 * MEBIBYTE, 5 * MEBIBYTE, 1_000)
    content = os.urandom(sum(sizes))
    whole = terms(size=len(content))
    upload_id = await storage.begin_parts(whole)
    offset = 0
    for number, size in enumerate(sizes, start=1):
        assert not await storage.finish_parts("upl_1", upload_id, sizes)
        signed = await storage.sign_part(terms(size=size), upload_id, number, offset)
        part = content[offset : offset + size]
        if number == 1:
            assert (await http.put(signed.url, content=part[:-1])).status_code == 403
        assert (await http.put(signed.url, content=part)).status_code == 200
        offset += size
    assert await storage.finish_parts("upl_1", upload_id, sizes)
    assert await storage.finish_parts("upl_1", upload_id, sizes)
    with storage.open("upl_1") as file:
        assert file.read() == content
        file.seek(READ_BYTES - 5)
        assert file.read(10) == content[READ_BYTES - 5 : READ_BYTES + 5]


async def test_parts_that_were_dropped_are_gone(
    storage: S3Storage, http: httpx.AsyncClient
) -> None:
    upload_id = await storage.begin_parts(terms())
    signed = await storage.sign_part(terms(), upload_id, 1, 0)
    await storage.drop_parts("upl_1", upload_id)
    await storage.drop_parts("upl_1", upload_id)
    assert (await http.put(signed.url, content=CONTENT)).status_code == 404
    assert not await storage.finish_parts("upl_1", upload_id, (len(CONTENT),))


async def test_an_object_that_is_replaced_while_it_is_read_is_noticed(
    storage: S3Storage, http: httpx.AsyncClient
) -> None:
    size = READ_BYTES + 10
    signed = await storage.sign_upload(terms(size=size))
    await http.put(signed.url, content=bytes(size), headers=signed.headers)
    with storage.open("upl_1") as file:
        file.read(10)
        await http.put(signed.url, content=b"\x01" * size, headers=signed.headers)
        file.seek(READ_BYTES)
        with pytest.raises(StorageUnavailable):
            file.read(10)


async def test_a_storage_that_is_away_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    storage = S3Storage(S3Place("bucket", "", "http://127.0.0.1:1"))
    with pytest.raises(StorageUnavailable):
        await storage.check()
