"""Archives in a real S3 server."""

from pathlib import Path

import boto3
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from tests.audio_factory import spoken_file
from tests.model_factory import write_model
from veravox.archives.recordings import Recording
from veravox.archives.s3 import S3Archive
from veravox.cli import app
from veravox.errors import Unavailable
from veravox.storage.objects import READ_BYTES
from veravox.storage.s3 import S3Place

SPOKEN = spoken_file()


@pytest.fixture
def archive(s3: S3Place) -> S3Archive:
    """Recordings and other objects, inside and outside of the archive."""
    client = boto3.client("s3", endpoint_url=s3.endpoint, region_name="us-east-1")
    contents = {
        "calls/monday/1.wav": SPOKEN,
        "calls/with space & ümlaut.WAV": SPOKEN,
        "calls/broken.mp3": b"ID3 nothing",
        "calls/notes.txt": b"no recording",
        "calls-2/3.wav": SPOKEN,
    }
    for key, body in contents.items():
        client.put_object(Bucket=s3.bucket, Key=key, Body=body)
    return S3Archive(s3.bucket, "calls", s3.endpoint)


def scan(archive: S3Archive, out: Path, monkeypatch: pytest.MonkeyPatch) -> Result:
    write_model(out.parent / "models")
    monkeypatch.setenv("VERAVOX_MODELS_DIR", str(out.parent / "models"))
    monkeypatch.setenv("VERAVOX_STORAGE_ENDPOINT", str(archive.endpoint))
    return CliRunner().invoke(app, ["scan", f"{archive.url}/", "--out", str(out)])


def test_all_recordings_below_a_prefix_are_scored(
    archive: S3Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "scores.parquet"

    assert scan(archive, out, monkeypatch).exit_code == 0

    rows = {row["path"]: row for row in pq.read_table(out).to_pylist()}
    assert set(rows) == {"monday/1.wav", "with space & ümlaut.WAV", "broken.mp3"}
    assert [path for path, row in rows.items() if row["failed"]] == ["broken.mp3"]
    assert rows["monday/1.wav"]["size"] == len(SPOKEN)
    assert rows["monday/1.wav"]["duration"] == pytest.approx(4.0, abs=0.01)


def test_an_object_is_read_as_it_was_listed(archive: S3Archive, s3: S3Place) -> None:
    large = bytes(range(256)) * (READ_BYTES // 100)
    client = boto3.client("s3", endpoint_url=s3.endpoint, region_name="us-east-1")
    client.put_object(Bucket=s3.bucket, Key="calls/large.wav", Body=large)
    listed = {item.path: item for item in archive.files()}

    with archive.open(listed["large.wav"]) as media:
        assert media.read() == large
        media.seek(-3, 2)
        assert media.read() == large[-3:]

    client.put_object(Bucket=s3.bucket, Key="calls/large.wav", Body=large[::-1])
    with pytest.raises(OSError, match="changed"), archive.open(listed["large.wav"]) as media:
        media.read(1)


def test_an_object_that_is_gone_is_told_apart_from_a_service_that_is(archive: S3Archive) -> None:
    gone = Recording("nowhere.wav", 10, '"1"')
    with pytest.raises(FileNotFoundError), archive.open(gone) as media:
        media.read()

    away = S3Archive(archive.bucket, archive.prefix, "http://127.0.0.1:9")
    with pytest.raises(Unavailable), away.open(gone) as media:
        media.read()


def test_a_bucket_that_does_not_exist_is_no_empty_archive(archive: S3Archive) -> None:
    with pytest.raises(Unavailable, match="no-such-bucket"):
        list(S3Archive("no-such-bucket", "", archive.endpoint).files())
