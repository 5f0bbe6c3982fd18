import csv
import io
import json
from pathlib import Path

import pytest

from tests.audio_factory import encode, noise, silence, speech
from tests.unit.cli.conftest import Command

RATE = 16_000


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """A clear voice, a voice in noise (which the small model calls spoofed), silence, no audio."""
    folder = tmp_path / "recordings"
    (folder / "deeper").mkdir(parents=True)
    voice = speech(6.0, RATE)
    (folder / "clear.wav").write_bytes(encode(voice * 0.5, RATE))
    noisy = voice * 0.5 + noise(6.0, RATE) * 0.05
    (folder / "deeper" / "noisy.wav").write_bytes(encode(noisy, RATE))
    (folder / "silent.wav").write_bytes(encode(silence(6.0, RATE), RATE))
    (folder / "broken.wav").write_bytes(b"RIFF0000WAVEnothing")
    return folder


def test_machines_get_one_csv_row_a_recording(veravox: Command, recordings: Path):
    result = veravox("detect", "-r", recordings)

    rows = {Path(row["path"]).name: row for row in csv.DictReader(io.StringIO(result.stdout))}
    assert set(rows) == {"clear.wav", "noisy.wav", "silent.wav", "broken.wav"}
    assert rows["silent.wav"]["reason"] == "No speech detected"
    assert rows["broken.wav"]["reason"]
    assert float(rows["noisy.wav"]["spoof_llr"]) > float(rows["clear.wav"]["spoof_llr"])


def test_json_holds_the_whole_analysis(veravox: Command, recordings: Path):
    result = veravox("detect", "--json", recordings / "clear.wav")

    answer = json.loads(result.stdout)
    assert answer["analysis"]["duration"] == pytest.approx(6.0, abs=0.01)
    assert [s["index"] for s in answer["analysis"]["segments"]] == [0, 1]


def test_the_exit_code_is_0_when_all_is_bona_fide_and_1_when_not(
    veravox: Command, recordings: Path
):
    clear = recordings / "clear.wav"

    assert veravox("detect", clear, "--threshold", "1").exit_code == 0
    assert veravox("detect", clear, "--threshold", "0").exit_code == 1


def test_the_exit_code_is_2_without_a_verdict(veravox: Command, recordings: Path):
    assert veravox("detect", recordings / "silent.wav").exit_code == 2
    assert veravox("detect", recordings / "missing.wav").exit_code == 2


def test_a_table_is_for_people(veravox: Command, recordings: Path):
    result = veravox("detect", "--format", "table", recordings / "silent.wav")

    assert "no verdict" in result.stdout


@pytest.mark.parametrize("threshold", ["-0.1", "1.1", "nan"])
def test_a_threshold_outside_its_range_is_refused(
    veravox: Command, recordings: Path, threshold: str
):
    result = veravox("detect", recordings / "clear.wav", f"--threshold={threshold}")

    assert result.exit_code == 2
    assert "threshold" in result.stderr


def test_a_folder_needs_recursive(veravox: Command, recordings: Path):
    result = veravox("detect", recordings)

    assert result.exit_code == 2
    assert "--recursive" in result.stderr


def test_an_unknown_model_is_named_with_the_choices(veravox: Command, recordings: Path):
    result = veravox("detect", recordings / "clear.wav", "--model", "nonesuch", "--format", "csv")

    assert result.exit_code == 2
    assert "stable" in result.stdout


def test_a_timeline_shows_each_file_with_its_parts(veravox: Command, recordings: Path):
    result = veravox("detect", "--format", "timeline", recordings / "clear.wav")

    assert "bona fide" in result.stdout
    assert "0:00" in result.stdout
    assert "0:06" in result.stdout


def test_brackets_or_escapes_in_names_are_shown_as_they_are(veravox: Command, recordings: Path):
    path = recordings / "[red]\x1b[2Jcall.wav"
    path.write_bytes((recordings / "clear.wav").read_bytes())

    for form in ("timeline", "table"):
        result = veravox("detect", "--format", form, path)
        assert "[red]\ufffd[2Jcall.wav" in result.stdout.replace("\n", "")


def test_recordings_and_a_watched_folder_exclude_each_other(veravox: Command, recordings: Path):
    assert veravox("detect").exit_code == 2
    assert veravox("detect", recordings / "clear.wav", "--watch", recordings).exit_code == 2
