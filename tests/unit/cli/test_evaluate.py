import csv
import json
from pathlib import Path

from tests.audio_factory import encode, noise, speech
from tests.unit.cli.conftest import Command

RATE = 16_000


def test_metrics_and_scores_are_written(veravox: Command, tmp_path: Path):
    voice = speech(5.0, RATE) * 0.5
    (tmp_path / "clear.wav").write_bytes(encode(voice, RATE))
    (tmp_path / "noisy.wav").write_bytes(encode(voice + noise(5.0, RATE) * 0.05, RATE))
    manifest = tmp_path / "manifest.csv"
    manifest.write_text(
        "path,label,system,family,source,speaker,language,condition\n"
        "clear.wav,bonafide,,,here,a,en,clean\n"
        "noisy.wav,spoof,hiss,noise,here,a,en,clean\n"
        "gone.wav,spoof,hiss,noise,here,a,en,clean\n"
    )

    result = veravox("evaluate", manifest, "--out", tmp_path / "out")

    assert result.exit_code == 0, result.output
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics["n_bonafide"] == 1
    assert metrics["n_spoof"] == 2
    assert metrics["eer"] == 0.0
    with (tmp_path / "out" / "scores.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["path"] for row in rows] == ["clear.wav", "noisy.wav", "gone.wav"]
    assert rows[2]["spoof_llr"] == ""
    assert rows[2]["reason"]


def test_a_manifest_with_a_wrong_label_is_refused_with_its_row(veravox: Command, tmp_path: Path):
    manifest = tmp_path / "manifest.csv"
    manifest.write_text(
        "path,label,system,family,source,speaker,language,condition\nx.wav,fake,,,,,,\n"
    )

    result = veravox("evaluate", manifest, "--out", tmp_path / "out")

    assert result.exit_code == 2
    assert "fake" in result.stderr
