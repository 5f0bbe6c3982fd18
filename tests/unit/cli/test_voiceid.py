import asyncio
import json
import sqlite3
from pathlib import Path

import pytest
import soxr

from tests.audio_factory import SPOKEN_RATE, encode, speech, spoken_file, tone
from tests.speaker_factory import write_encoder
from tests.unit.cli.conftest import Command
from veravox.audit import Action
from veravox.audit.log import append
from veravox.db import Database, upgrade
from veravox.db.url import sqlite_url

SPOOFED = encode(speech(12.0) + tone(12.0, 6_000.0, peak=0.05), SPOKEN_RATE)
DEEPER = encode(soxr.resample(speech(12.0).T, 1.0, 1.8).T, SPOKEN_RATE)


@pytest.fixture(autouse=True)
def encoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERAVOX_VOICE_MODEL_DIR", str(write_encoder(tmp_path / "encoders")))


@pytest.fixture
def files(tmp_path: Path) -> Path:
    contents = {"anna": spoken_file(seconds=12.0), "bert": DEEPER, "spoof": SPOOFED}
    for name, content in contents.items():
        (tmp_path / f"{name}.wav").write_bytes(content)
    return tmp_path


def enrol(veravox: Command, files: Path, name: str) -> Path:
    voice = files / f"{name}.json"
    result = veravox("voiceid", "enroll", files / f"{name}.wav", "--out", voice)
    assert result.exit_code == 0, result.output
    return voice


def test_a_voice_is_enrolled_into_a_file_for_the_owner_s_eyes(
    veravox: Command, files: Path
) -> None:
    voice = enrol(veravox, files, "anna")
    content = json.loads(voice.read_text())
    assert (content["model_version"], len(content["embedding"])) == ("tones-1", 256)
    assert voice.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("name", "code", "decision"),
    [("anna", 0, "accept"), ("bert", 1, "reject"), ("spoof", 1, "reject")],
)
def test_the_exit_code_tells_the_decision(
    veravox: Command, files: Path, name: str, code: int, decision: str
) -> None:
    voice = enrol(veravox, files, "anna")
    result = veravox("voiceid", "verify", files / f"{name}.wav", "--voice", voice, "--json")
    body = json.loads(result.output)
    assert (result.exit_code, body["decision"]) == (code, decision)
    assert body["is_match"] is (code == 0)


def test_the_right_one_of_two_voices_is_identified(veravox: Command, files: Path) -> None:
    voices = [enrol(veravox, files, name) for name in ("anna", "bert")]
    result = veravox("voiceid", "identify", files / "bert.wav", *voices, "--json")
    assert result.exit_code == 0
    assert json.loads(result.output)["voice"] == str(voices[1])


def test_a_spoof_is_not_enrolled(veravox: Command, files: Path) -> None:
    result = veravox("voiceid", "enroll", files / "spoof.wav", "--out", files / "voice.json")
    assert result.exit_code == 2
    assert not (files / "voice.json").exists()


def test_a_file_that_holds_no_voice_is_named(veravox: Command, files: Path) -> None:
    (files / "voice.json").write_text("{}")
    result = veravox("voiceid", "verify", files / "anna.wav", "--voice", files / "voice.json")
    assert result.exit_code == 2


def test_an_unknown_rate_is_an_error(veravox: Command, files: Path) -> None:
    voice = enrol(veravox, files, "anna")
    result = veravox("voiceid", "verify", files / "anna.wav", "--voice", voice, "--rate", "0.5")
    assert result.exit_code == 2


def test_the_audit_log_is_printed_and_tampering_is_found(veravox: Command, tmp_path: Path) -> None:
    async def write() -> None:
        database = Database(url)
        async with database.transaction() as session:
            await append(session, "tenant", Action.VERIFY, "key_1", "accept", "subject")
        await database.close()

    url = sqlite_url(tmp_path / "data/veravox.db")
    upgrade(url)
    asyncio.run(write())
    result = veravox("voiceid", "audit", "tenant")
    assert (result.exit_code, "voiceprint.verify" in result.output) == (0, True)

    connection = sqlite3.connect(tmp_path / "data/veravox.db")
    connection.execute("DROP TRIGGER audit_entries_no_UPDATE")
    connection.execute("UPDATE audit_entries SET outcome = 'reject'")
    connection.commit()
    connection.close()
    result = veravox("voiceid", "audit", "tenant")
    assert (result.exit_code, "tampered" in result.output) == (1, True)


def test_voices_are_evaluated_on_labelled_trials(veravox: Command, files: Path) -> None:
    rows = ["anna.wav,anna.wav,target", "anna.wav,bert.wav,nontarget", "anna.wav,spoof.wav,spoof"]
    (files / "trials.csv").write_text("\n".join(["enrol,test,label", *rows]) + "\n")
    out = files / "report"
    result = veravox("evaluate", files / "trials.csv", "--task", "speaker", "--out", out)
    assert result.exit_code == 0, result.output
    metrics = json.loads((out / "metrics.json").read_text())
    assert (metrics["eer"], metrics["a_dcf"]) == (0.0, 0.0)
    assert metrics["decisions"]["spoof"] == {"reject": 1}
