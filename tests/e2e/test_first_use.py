"""What a new user does after `make serve`, with the shipped model."""

import re
import shlex
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.audio_factory import spoken_file
from tests.e2e.conftest import Server, offline, start, stop


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "recording.wav"
    path.write_bytes(spoken_file(seconds=12.0))
    return path


def test_the_printed_curl_line_works_as_it_is(server: Server, recording: Path):
    line = re.search(r"curl .*", server.welcome)
    assert line

    done = subprocess.run(
        ["/usr/bin/env", *shlex.split(line.group())],
        cwd=recording.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    if done.returncode == 127:
        pytest.skip("no curl on this machine")
    assert '"global"' in done.stdout


def test_the_printed_link_opens_the_dashboard_once(server: Server, tmp_path: Path):
    process, said, url = start(tmp_path / "data")
    token = re.search(r"/welcome#([\w-]{43})", said)
    assert token
    fields = {"code": token.group(1), "password": "four unrelated words"}
    fields["again"] = fields["password"]
    with httpx.Client(base_url=url, timeout=60) as client:
        answer = client.post("/welcome", data=fields, follow_redirects=True)
        assert "Is this voice genuine or synthetic?" in answer.text
        assert client.post("/welcome", data=fields).status_code == 400
    stop(process)
    process, said, _ = start(tmp_path / "data")
    stop(process)
    assert "/welcome#" not in said


def test_the_second_start_prints_no_key(server: Server, tmp_path: Path):
    process, first, _ = start(tmp_path / "data")
    stop(process)
    process, second, _ = start(tmp_path / "data")
    stop(process)

    assert "your key" in first
    assert "your key" not in second


def test_offline_and_server_give_the_same_scores(server: Server, recording: Path):
    (local,) = offline(recording)
    answer = httpx.post(
        f"{server.url}/v1/predict",
        headers={"X-Api-Key": server.key},
        files={"file": recording.read_bytes()},
        timeout=60,
    ).json()

    assert answer["global"]["score"] == pytest.approx(local["spoof_probability"], abs=1e-4)


def test_scores_do_not_depend_on_order_company_or_threads(
    recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    other = tmp_path / "other.mp3"
    other.write_bytes(spoken_file("mp3", seconds=7.0))
    scores: set[float] = set()
    for threads, files in (
        ("1", (recording,)),
        ("1", (other, recording)),
        ("3", (recording, other)),
    ):
        monkeypatch.setenv("VERAVOX_SCORING_THREADS", threads)
        scores |= {
            round(float(str(item["spoof_llr"])), 4)
            for item in offline(*files)
            if item["path"] == str(recording)
        }

    assert len(scores) == 1


@pytest.mark.parametrize("encoding", ["mp3", "webm-opus", "m4a", "mkv-aac"])
def test_the_same_speech_in_another_container_gets_the_same_verdict(
    server: Server, recording: Path, encoding: str
):
    def result(media: bytes) -> object:
        answer = httpx.post(
            f"{server.url}/detect/audio",
            headers={"x-api-key": server.key},
            files={"file": ("recording.wav", media, "audio/wav")},
            timeout=60,
        )
        return answer.json()["audio_analysis"]["prediction"]

    assert result(spoken_file(encoding, seconds=12.0)) == result(recording.read_bytes())
