import json
from pathlib import Path

import pytest

from tests.audio_factory import encode, noise, speech
from tests.model_factory import MODEL_ID
from tests.unit.cli.conftest import Command

RATE = 16_000
COUNT = 30


def write_manifest(folder: Path, bonafide_noise: float, spoof_noise: float) -> Path:
    """Recordings of a voice; the tests' model calls noise a spoof."""
    voice = speech(8.0, RATE)
    rows = ["path,label,system,family,source,speaker,language,condition"]
    for label, amount in (("bonafide", bonafide_noise), ("spoof", spoof_noise)):
        for number in range(COUNT):
            first = 1_600 * number
            loudness = amount * (1.0 + number / COUNT)
            sound = 0.5 * voice[:, first : first + RATE * 2] + noise(2.0, RATE) * loudness
            name = f"{label}-{number}.wav"
            (folder / name).write_bytes(encode(sound, RATE))
            system = f"hiss-{number % 5}" if label == "spoof" else ""
            rows.append(f"{name},{label},{system},,here,{number % 6},en,clean")
    manifest = folder / "manifest.csv"
    manifest.write_text("\n".join(rows) + "\n")
    return manifest


def test_a_calibration_is_fitted_and_then_in_force(
    veravox: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    manifest = write_manifest(tmp_path, 0.0, 0.3)
    path = tmp_path / "site.json"

    fitted = veravox("calibrate", manifest, "--out", path)

    assert fitted.exit_code == 0, fitted.output
    name = json.loads(path.read_text())["sha256"][:16]
    assert f"site-{name}" in fitted.stdout
    evaluated = veravox("evaluate", manifest, "--out", tmp_path / "out", "--calibration", path)
    assert evaluated.exit_code == 0, evaluated.output
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics["model"]["calibration"] == f"site-{name}"
    assert metrics["cllr"] < 0.3
    monkeypatch.setenv("VERAVOX_CALIBRATION_FILE", str(path))
    assert json.loads(veravox("models", "show").stdout)["site"]["id"] == f"site-{name}"
    assert f"site-{name}" in veravox("models", "list").stdout


def test_audio_on_which_the_classes_do_not_separate_is_refused(veravox: Command, tmp_path: Path):
    manifest = write_manifest(tmp_path, 0.01, 0.01)

    result = veravox("calibrate", manifest, "--out", tmp_path / "site.json")

    assert result.exit_code == 2
    assert "separate" in result.stderr
    assert not (tmp_path / "site.json").exists()


def test_a_calibration_of_other_weights_is_refused_where_it_is_loaded(
    veravox: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "site.json").write_text("{}")
    monkeypatch.setenv("VERAVOX_CALIBRATION_FILE", str(tmp_path / "site.json"))

    result = veravox("models", "list")

    assert result.exit_code == 2
    assert "site.json" in result.stderr
    assert MODEL_ID not in result.stdout
