import json
from pathlib import Path

import pytest

from tests.audio_factory import spoken_file
from tests.unit.cli.conftest import Command


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    file = tmp_path / "call.wav"
    file.write_bytes(spoken_file(seconds=6.0))
    return file


@pytest.fixture
def made(veravox: Command, recording: Path, tmp_path: Path) -> Path:
    result = veravox("report", recording, "--out", tmp_path / "report.json")
    assert result.exit_code == 0, result.output
    return tmp_path / "report.json"


def test_a_report_is_made_and_checked_offline(
    veravox: Command, made: Path, recording: Path
) -> None:
    result = veravox("verify-report", made, "--audio", recording)
    assert result.exit_code == 0, result.output
    assert "unaltered" in result.output
    body = json.loads(made.read_text())["report"]
    assert body["file"]["name"] == "call.wav"
    assert body["custody"]["tenant_id"] is None


def test_a_pdf_is_made_and_checked_offline(
    veravox: Command, recording: Path, tmp_path: Path
) -> None:
    pytest.importorskip("typst")
    target = tmp_path / "report.pdf"
    assert veravox("report", recording, "--out", target).exit_code == 0
    result = veravox("verify-report", target, "--audio", recording)
    assert result.exit_code == 0, result.output
    assert "pdf: " in result.output


def test_another_recording_or_a_changed_report_ends_with_1(
    veravox: Command, made: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.wav"
    other.write_bytes(spoken_file(seconds=7.0))
    assert veravox("verify-report", made, "--audio", other).exit_code == 1
    made.write_text(made.read_text().replace("call.wav", "fall.wav"))
    result = veravox("verify-report", made)
    assert result.exit_code == 1
    assert "altered" in result.output


def test_elsewhere_the_published_keys_are_needed(
    veravox: Command, made: Path, tmp_path: Path
) -> None:
    elsewhere = ("--data-dir", tmp_path / "elsewhere")
    assert veravox("verify-report", made, *elsewhere).exit_code == 2
    keys = tmp_path / "keys.json"
    keys.write_text(veravox("report-keys").output)
    assert veravox("verify-report", made, "--keys", keys, *elsewhere).exit_code == 0
    keys.write_text(veravox("report-keys", "--data-dir", tmp_path / "other").output)
    assert veravox("verify-report", made, "--keys", keys, *elsewhere).exit_code == 1


def test_a_file_that_is_no_report_ends_with_2(veravox: Command, recording: Path) -> None:
    result = veravox("verify-report", recording)
    assert result.exit_code == 2
    assert "no report of Veravox" in result.output


def test_the_target_must_be_of_a_known_kind(veravox: Command, recording: Path) -> None:
    assert veravox("report", recording, "--out", "report.docx").exit_code == 2
