import json
import os
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.audio_factory import encode, noise, silence, speech, spoken_file
from tests.unit.cli.conftest import Command

RATE = 16_000


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clear voice, a voice in noise (which the small model calls spoofed), and trouble."""
    folder = tmp_path_factory.mktemp("archive")
    (folder / "deeper" / "still").mkdir(parents=True)
    voice = speech(6.0, RATE)
    (folder / "clear.wav").write_bytes(encode(voice * 0.5, RATE))
    noisy = voice * 0.5 + noise(6.0, RATE) * 0.05
    (folder / "deeper" / "still" / "noisy.WAV").write_bytes(encode(noisy, RATE))
    (folder / "silent.wav").write_bytes(encode(silence(6.0, RATE), RATE))
    (folder / "broken.wav").write_bytes(b"RIFF0000WAVEnothing")
    (folder / "gone.wav").symlink_to(folder / "nowhere.wav")
    (folder / "na\udcffme.wav").write_bytes(spoken_file())
    (folder / "folder.wav").mkdir()
    os.mkfifo(folder / "pipe.wav")
    (folder / "notes.txt").write_text("no recording")
    return folder


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """An archive of one broken recording."""
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "broken.wav").write_bytes(b"RIFF0000WAVEnothing")
    return tmp_path / "small"


def rows(table: Path) -> dict[str, dict[str, Any]]:
    return {row["path"]: row for row in pq.read_table(table).to_pylist()}


def test_every_recording_of_an_archive_gets_a_row(
    veravox: Command, archive: Path, tmp_path: Path
) -> None:
    out = tmp_path / "scores.parquet"

    done = veravox("scan", archive, "--out", out)

    assert done.exit_code == 0, done.output
    assert "1 file without the name of a recording left out" in done.stderr
    found = rows(out)
    clear, noisy = found.pop("clear.wav"), found.pop("deeper/still/noisy.WAV")
    assert clear["result"] in ("bonafide", "spoofed")
    assert clear["duration"] == pytest.approx(6.0, abs=0.01)
    assert clear["size"] == (archive / "clear.wav").stat().st_size
    assert [segment["start"] for segment in clear["segments"]] == [0.0, 5.0]
    assert noisy["spoof_llr"] > clear["spoof_llr"]
    reasons = {path: (row["failed"], row["result"], row["reason"]) for path, row in found.items()}
    assert reasons == {
        "silent.wav": (False, None, "No speech detected"),
        "broken.wav": (True, None, "The wav file is damaged and cannot be read"),
        "gone.wav": (True, None, "No such file or directory"),
        "na\\xffme.wav": (True, None, "No such file or directory"),
    }


def test_the_scores_are_those_of_detect(veravox: Command, archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "scores.parquet"
    veravox("scan", archive, "--out", out, "--threshold", "0.9")

    found = rows(out)
    paths = ["clear.wav", "deeper/still/noisy.WAV", "silent.wav"]
    files = [archive / path for path in paths]
    lines = veravox("detect", *files, "--threshold", "0.9", "--json").stdout.splitlines()
    for path, line in zip(paths, lines, strict=True):
        detected = json.loads(line)
        assert found[path]["result"] == detected["result"]
        assert found[path]["spoof_llr"] == pytest.approx(detected["spoof_llr"])


def test_the_table_tells_how_it_was_made(veravox: Command, small: Path, tmp_path: Path) -> None:
    out = tmp_path / "scores.parquet"
    veravox("scan", small, "--out", out, "--threshold", "0.25", "--model", "stable")

    metadata = pq.read_schema(out).metadata
    assert metadata[b"veravox.model"] == b'"noisiness-1"'
    assert metadata[b"veravox.threshold"] == b"0.25"


def test_a_finished_table_is_never_overwritten(
    veravox: Command, small: Path, tmp_path: Path
) -> None:
    out = tmp_path / "scores.parquet"
    veravox("scan", small, "--out", out)
    before = out.read_bytes()

    done = veravox("scan", small, "--out", out)

    assert done.exit_code == 2
    assert "exists already" in done.stderr
    assert out.read_bytes() == before
    assert {path.name for path in tmp_path.iterdir() if path.is_file()} == {"scores.parquet"}


def test_an_empty_archive_gives_an_empty_table(veravox: Command, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    out = tmp_path / "scores.parquet"

    assert veravox("scan", tmp_path / "empty", "--out", out).exit_code == 0
    assert rows(out) == {}


@pytest.mark.parametrize("place", ["nowhere", "ftp://host/folder", "s3://"])
def test_a_place_that_is_no_archive_is_refused(
    veravox: Command, tmp_path: Path, place: str
) -> None:
    done = veravox("scan", place, "--out", tmp_path / "scores.parquet")

    assert done.exit_code == 2
    assert not (tmp_path / "scores.parquet").exists()


def test_an_unknown_model_is_refused_before_anything_is_written(
    veravox: Command, small: Path, tmp_path: Path
) -> None:
    done = veravox("scan", small, "--out", tmp_path / "scores.parquet", "--model", "nonesuch")

    assert done.exit_code == 2
    assert "stable" in done.stderr
    assert not list(tmp_path.glob("scores*"))


def test_a_folder_that_cannot_be_written_is_named(veravox: Command, small: Path) -> None:
    done = veravox("scan", small, "--out", small / "missing" / "scores.parquet")

    assert done.exit_code == 2
    assert "missing" in done.stderr
