"""Objects in a folder: whole or not at all, by signed URLs only."""

import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from veravox.errors import Forbidden, NotFound, PayloadTooLarge, StorageUnavailable
from veravox.storage import LocalStorage, UploadTerms
from veravox.storage.local import STALE_SECONDS
from veravox.storage.signing import Permission, UrlSigner

pytestmark = pytest.mark.anyio

SIGNER = UrlSigner(b"a secret")
NOW = datetime(2026, 11, 21, tzinfo=UTC)
KEY = "upl_0123"
LARGEST = 1_000_000


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "objects", SIGNER)


def terms(size: int | None = None) -> UploadTerms:
    return UploadTerms(KEY, datetime.now(UTC) + timedelta(minutes=1), size)


async def body(*blocks: bytes) -> AsyncIterator[bytes]:
    for block in blocks:
        yield block


async def broken_body() -> AsyncIterator[bytes]:
    yield b"the beginning"
    raise ConnectionResetError


def permission(part: int = 0, offset: int = 0) -> Permission:
    return Permission("PUT", KEY, 0, part=part, offset=offset)


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_an_object_is_there_once_it_is_complete(storage: LocalStorage) -> None:
    await storage.receive(permission(), body(b"one ", b"two"), LARGEST)
    assert await storage.size(KEY) == 7
    with storage.open(KEY) as file:
        assert file.read() == b"one two"
    await storage.delete(KEY)
    await storage.delete(KEY)
    assert await storage.size(KEY) is None
    with pytest.raises(NotFound), storage.open(KEY):
        pass


async def test_nothing_is_left_of_an_upload_that_breaks_off(
    storage: LocalStorage, tmp_path: Path
) -> None:
    with pytest.raises(ConnectionResetError):
        await storage.receive(permission(), broken_body(), LARGEST)
    with pytest.raises(PayloadTooLarge):
        await storage.receive(permission(), body(b"12345678"), 7)
    assert await storage.size(KEY) is None
    assert files(tmp_path) == []


async def test_the_first_complete_upload_counts(storage: LocalStorage) -> None:
    await storage.receive(permission(), body(b"first"), LARGEST)
    await storage.receive(permission(), body(b"second"), LARGEST)
    with storage.open(KEY) as file:
        assert file.read() == b"first"


async def test_parts_come_in_any_order_and_again(storage: LocalStorage, tmp_path: Path) -> None:
    upload_id = await storage.begin_parts(terms())
    await storage.receive(permission(2, 4), body(b"more"), LARGEST)
    with pytest.raises(ConnectionResetError):
        await storage.receive(permission(1, 0), broken_body(), LARGEST)
    assert not await storage.finish_parts(KEY, upload_id, (4, 4))
    await storage.receive(permission(2, 4), body(b"more"), LARGEST)
    await storage.receive(permission(1, 0), body(b"some"), LARGEST)
    assert not await storage.finish_parts(KEY, upload_id, (4, 5))
    assert await storage.finish_parts(KEY, upload_id, (4, 4))
    assert await storage.finish_parts(KEY, upload_id, (4, 4))
    with storage.open(KEY) as file:
        assert file.read() == b"somemore"
    assert len(files(tmp_path)) == 1


async def test_parts_that_were_dropped_are_gone(storage: LocalStorage, tmp_path: Path) -> None:
    upload_id = await storage.begin_parts(terms())
    await storage.receive(permission(1, 0), body(b"some"), LARGEST)
    await storage.drop_parts(KEY, upload_id)
    await storage.drop_parts(KEY, upload_id)
    with pytest.raises(NotFound):
        await storage.receive(permission(2, 4), body(b"more"), LARGEST)
    assert files(tmp_path) == []


async def test_what_uploads_left_behind_is_swept_away_in_time(
    storage: LocalStorage, tmp_path: Path
) -> None:
    storage.sweep()
    await storage.check()
    old, new = (tmp_path / "objects" / "incoming" / name for name in ("old", "new"))
    for path in (old, new):
        path.write_bytes(b"x")
    long_ago = new.stat().st_mtime - STALE_SECONDS - 60
    os.utime(old, (long_ago, long_ago))
    storage.sweep()
    assert files(tmp_path) == [new]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("file systems cannot be mounted here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


async def test_a_full_disk_is_said_to_be_full_and_takes_smaller_files(small_disk: Path) -> None:
    storage = LocalStorage(small_disk, SIGNER)
    with pytest.raises(StorageUnavailable, match="no room"):
        await storage.receive(permission(), body(bytes(300_000)), LARGEST)
    assert await storage.size(KEY) is None
    assert files(small_disk) == []
    await storage.receive(permission(), body(bytes(100_000)), LARGEST)
    assert await storage.size(KEY) == 100_000


async def test_a_folder_that_cannot_be_used_is_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "objects").write_text("a file")
    storage = LocalStorage(tmp_path / "objects", SIGNER)
    with pytest.raises(StorageUnavailable):
        await storage.check()
    with pytest.raises(StorageUnavailable):
        await storage.receive(permission(), body(b"x"), LARGEST)


permissions = st.builds(
    Permission,
    method=st.sampled_from(["GET", "PUT"]),
    key=st.from_regex(r"[a-z0-9_]{1,64}", fullmatch=True),
    expires_at=st.integers(1_900_000_000, 4_000_000_000),
    size=st.none() | st.integers(1, 10**13),
    content_type=st.none() | st.text(min_size=1, max_size=40),
    part=st.integers(1, 1000),
    offset=st.integers(0, 10**13),
)


def read_back(url: str, method: str) -> Permission:
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, strict_parsing=True))
    return SIGNER.verify(method, parts.path.rpartition("/")[2], query, NOW)


@given(permissions)
def test_a_signed_url_gives_back_what_it_allows(granted: Permission) -> None:
    assert read_back(SIGNER.sign(granted), granted.method) == granted


@given(permissions, permissions)
def test_a_signature_fits_one_permission_only(one: Permission, other: Permission) -> None:
    theirs = dict(parse_qsl(urlsplit(SIGNER.sign(other)).query))
    mine = dict(parse_qsl(urlsplit(SIGNER.sign(one)).query))
    forged = theirs | {"signature": mine["signature"]}
    if one == other:
        return
    with pytest.raises(Forbidden):
        SIGNER.verify(other.method, other.key, forged, NOW)


@pytest.mark.parametrize("seconds", [0, -1, -100_000])
def test_a_url_is_over_when_its_time_is_over(seconds: int) -> None:
    granted = Permission("GET", KEY, int(NOW.timestamp()) + seconds)
    with pytest.raises(Forbidden, match="expired"):
        read_back(SIGNER.sign(granted), "GET")


def test_another_secret_signs_otherwise() -> None:
    granted = Permission("GET", KEY, int(NOW.timestamp()) + 9)
    assert UrlSigner(b"another").sign(granted) != SIGNER.sign(granted)
