"""Every example of the documentation works, on a real server and a small real model."""

import json
import shlex
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from tests.audio_factory import spoken_file
from tests.docs.examples import PAGES, Example, examples
from tests.file_client import announce, final, put
from tests.http_factory import Server, create_key, serving, settings_for
from tests.processes import free_port
from tests.web_factory import invite
from veravox.accounts import Plan
from veravox.cli import app
from veravox.webhooks.signature import sign

WEBHOOK_SECRET = "a signing secret"
EXAMPLES = {page: list(examples(page)) for page in PAGES}


@dataclass(frozen=True)
class World:
    """A folder with recordings, a server, and what stands for the placeholders of the pages."""

    folder: Path
    server: Server
    names: dict[str, str]

    def filled(self, text: str) -> str:
        for name, value in self.names.items():
            text = text.replace(name, value)
        return text


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    data = tmp_path_factory.mktemp("data")
    folder = tmp_path_factory.mktemp("work")
    settings = settings_for(data, audio_retention_seconds=3_600, webhook_hosts=("*",))
    created = create_key(settings, Plan.ENTERPRISE)
    other = create_key(settings, Plan.FREE)
    invite(settings, "anna", created.api_key.tenant_id)
    _recordings(folder)
    with serving(settings) as server, server.client(created.key) as client:
        names = {
            "http://127.0.0.1:8000": server.url,
            "https://voice.example.com": server.url,
            "vvx_...": created.key,
            ".venv/bin/": "",
            "pred_9b6ff057a7f7": _completed(client),
            "pred_4c1d8e2f9a0b": _failed(client),
            "whd_5f0c...": _delivery(client),
            "TENANT": created.api_key.tenant_id,
            "PREFIX": other.api_key.prefix,
            "/recordings": str(folder / "folder"),
            "[0.0123, ...]": json.dumps(_voice(client, folder)),
            "$UPLOAD_URL": announce(client, content_type="audio/wav")["upload"]["url"],
            "$KEY": created.key,
        }
        yield World(folder, server, names)


@pytest.fixture
def there(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The world, as the working directory and the installation of the command line."""
    settings = world.server.settings
    monkeypatch.chdir(world.folder)
    monkeypatch.setenv("VERAVOX_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("VERAVOX_MODELS_DIR", str(settings.models_dir))
    monkeypatch.setenv("VERAVOX_VOICE_MODEL_DIR", str(settings.voice_model_dir))
    monkeypatch.setenv("VERAVOX_AUDIO_RETENTION_SECONDS", "3600")
    monkeypatch.setenv("VERAVOX_WEBHOOK_HOSTS", "*")
    return world


@pytest.mark.parametrize("page", [page for page in PAGES if EXAMPLES[page]], ids=str)
def test_the_examples_of_a_page_work(there: World, page: Path) -> None:
    for example in EXAMPLES[page]:
        _run(there, example)


def _run(world: World, example: Example) -> None:
    text = world.filled(example.text)
    if example.kind == "veravox":
        _command(text)
    elif example.kind == "shell":
        _shell(text)
    elif "serve_forever" in text:
        _receiver(text)
    else:
        exec(compile(text, str(example.page), "exec"), {"__name__": "__main__"})


def _shell(text: str) -> None:
    script = 'set -euo pipefail\ncurl() { command curl --silent --show-error --fail "$@"; }\n'
    done = subprocess.run(
        ["bash", "-c", script + text], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, (text, done.stderr)


def _command(line: str) -> None:
    """One command of Veravox; only its exit code may say that a voice is not genuine."""
    words = shlex.split(line, comments=True)[1:]
    target = Path(words[words.index(">") + 1]) if ">" in words else None
    words = words[: words.index(">")] if target else words
    result = CliRunner().invoke(app, words)
    assert result.exception is None or isinstance(result.exception, SystemExit), line
    assert "error:" not in result.stderr, (line, result.stderr)
    assert "Usage:" not in result.stderr, (line, result.stderr)
    if target:
        target.write_text(result.stdout)


def _receiver(text: str) -> None:
    port = free_port()
    code = text.replace("9000", str(port))
    body = (
        b'{"prediction_id": "pred_1", "status": "canceled", "progress": 0.0, '
        b'"created_at": 1795339800}'
    )
    with _process(code) as process:
        answer = _post(port, body, sign(WEBHOOK_SECRET, body, int(time.time())))
        assert answer.status_code == 204
        assert _post(port, body, "t=1,v1=00").status_code == 401
        process.terminate()


@contextmanager
def _process(code: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env={"WEBHOOK_SECRET": WEBHOOK_SECRET},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    timer = threading.Timer(120, process.kill)
    timer.start()
    try:
        yield process
    finally:
        timer.cancel()
        process.kill()
        process.wait()


def _post(port: int, body: bytes, signature: str) -> httpx.Response:
    """The answer, as soon as somebody listens."""
    deadline = time.monotonic() + 60.0
    while True:
        try:
            return httpx.post(
                f"http://127.0.0.1:{port}/",
                content=body,
                headers={"X-Veravox-Signature": signature},
                timeout=30.0,
            )
        except httpx.ConnectError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def _recordings(folder: Path) -> None:
    wav = spoken_file(seconds=12.0)
    for name in ("recording.wav", "call.wav", "anna.wav", "folder/one.wav", "inbox/one.wav"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(wav)
    (folder / "another.mp3").write_bytes(spoken_file("mp3", seconds=6.0))
    for name in ("a.wav", "b.wav"):
        (folder / name).write_bytes(spoken_file(seconds=6.0))


def _completed(client: httpx.Client) -> str:
    created = announce(client)
    put(created, spoken_file(seconds=6.0))
    assert final(client, created["prediction_id"])["status"] == "completed"
    return created["prediction_id"]


def _failed(client: httpx.Client) -> str:
    created = announce(client)
    put(created, b"%PDF-1.7" + bytes(99))
    assert final(client, created["prediction_id"])["status"] == "failed"
    return created["prediction_id"]


def _delivery(client: httpx.Client) -> str:
    created = announce(client, webhook_url="https://127.0.0.1/hook")
    client.post(f"/v1/predictions/{created['prediction_id']}/cancel")
    return client.get("/v1/webhooks/deliveries").json()["deliveries"][0]["id"]


def _voice(client: httpx.Client, folder: Path) -> list[float]:
    with (folder / "anna.wav").open("rb") as media:
        answer = client.post("/v1/voiceid/enroll", files={"audio_file": media})
    embedding = answer.json()["embedding"]
    content = {"model_version": answer.json()["model_version"], "embedding": embedding}
    (folder / "bert.json").write_text(json.dumps(content))
    return embedding


def test_curl_is_there() -> None:
    assert shutil.which("curl")
