"""The examples of the page on Python do what it says, and a strict project accepts them."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.audio_factory import spoken_file
from tests.http_factory import settings_for
from tests.processes import ServerProcess, serve
from veravox.webhooks.signature import sign

PAGE = Path("docs/python.md").read_text(encoding="utf-8")
EXAMPLES = "\n".join(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))
ADDRESS = "http://127.0.0.1:8000"
SECRET = "whsec_example"
BODY = (
    b'{"prediction_id": "pred_1", "status": "canceled", "progress": 0.0, "created_at": 1795339800}'
)

STRICT_PROJECT = """
[tool.pyright]
typeCheckingMode = "strict"
[tool.mypy]
strict = true
cache_dir = "/dev/null"
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with serve(settings_for(tmp_path_factory.mktemp("server"))) as server:
        yield server


def test_the_examples_work_one_after_the_other(
    server: ServerProcess,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("call.wav", "anna.wav"):
        (tmp_path / name).write_bytes(spoken_file(seconds=12.0))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KEY", server.key)
    monkeypatch.setenv("WEBHOOK_SECRET", SECRET)
    names: dict[str, object] = {}

    exec(EXAMPLES.replace(ADDRESS, server.url), names)

    said = capsys.readouterr().out
    for expected in ("bonafide", "['bonafide']", "completed 100%", "accept", "Real Audio"):
        assert expected in said
    receive = names["receive"]
    assert callable(receive)
    assert receive(BODY, sign(SECRET, BODY, int(time.time()))) == 204
    assert receive(BODY, sign("other", BODY, int(time.time()))) == 401
    for name in ("client", "patient", "behind_a_proxy"):
        names[name].close()  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize(
    "checker", [("pyright", "--pythonpath", sys.executable), ("mypy",)], ids=["pyright", "mypy"]
)
def test_a_strict_project_accepts_the_examples(tmp_path: Path, checker: tuple[str, ...]) -> None:
    (tmp_path / "pyproject.toml").write_text(STRICT_PROJECT)
    (tmp_path / "project.py").write_text(EXAMPLES)

    done = subprocess.run(
        [sys.executable, "-m", *checker, "project.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
