"""The shell and Python examples of the documentation, and what is needed to run them."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

PAGES = [Path("README.md"), Path("CONTRIBUTING.md"), Path("deploy/README.md")]
PAGES += sorted(Path("docs").glob("*.md"))
SHELL = ("sh", "bash")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)

NOT_RUN = {
    "make ": "sets up an environment; .ci/run does it",
    ".ci/run": "is the whole check",
    "pip ": "installs from a package index",
    ".venv/bin/pip ": "installs from a package index",
    "apt-get ": "installs system packages",
    "docker ": "needs a container engine; tests/deploy checks the files",
    "cp deploy/": "belongs to the composition",
    "kubectl ": "needs a cluster; tests/deploy checks the files",
    "ray ": "starts a cluster; tests/services/test_ray.py has one",
    "veravox scan s3:": "needs S3; tests/services has it",
    "veravox evaluate ": "tests/unit/cli/test_evaluate.py runs it",
    ".venv/bin/veravox evaluate ": "tests/unit/cli/test_evaluate.py runs it",
    ".venv/bin/veravox calibrate ": "tests/unit/cli/test_calibrate.py runs it",
    "VERAVOX_CALIBRATION_FILE=": "starts a server on it; tests/api has it",
    "VERAVOX_GRPC_PORT=": "starts a server; tests/api/test_streams.py has it",
    "veravox mcp ": "serves an assistant; tests/unit/mcp has one",
    "veravox detect --watch ": "never ends; tests/unit/cli/test_watch.py runs it",
    "veravox detect --json call.wav |": "needs jq; tests/unit/cli/test_detect.py reads its JSON",
    "veravox --install-completion": "changes the shell's own files",
    ".venv/bin/python -m training": "needs the corpora; tests/unit/training has small ones",
}
"""What an example may begin with that is not run here, and why."""
RUN_ELSEWHERE = {
    Path("docs/python.md"): "tests/docs/test_python_page.py",
    Path("docs/streaming.md"): "tests/api/test_streams.py",
}
"""Pages whose Python is run by tests of their own."""


@dataclass(frozen=True)
class Example:
    """A run of commands of one kind: `shell`, `veravox` (one command) or `python`."""

    page: Path
    kind: str
    text: str


def examples(page: Path) -> Iterator[Example]:
    """Everything on a page that is to be run, in order."""
    for language, text in BLOCK.findall(page.read_text(encoding="utf-8")):
        if language == "python" and page not in RUN_ELSEWHERE:
            yield Example(page, "python", text)
        elif language in SHELL:
            yield from _commands(page, text)


def _commands(page: Path, text: str) -> Iterator[Example]:
    wanted = [line for line in _lines(text) if not line.startswith(tuple(NOT_RUN))]
    for kind, lines in groupby(wanted, key=_kind):
        if kind == "shell":
            yield Example(page, kind, "\n".join(lines))
        else:
            yield from (Example(page, kind, line) for line in lines)


def _lines(text: str) -> list[str]:
    """The commands, each on one line."""
    joined = re.sub(r"\\\n\s*", " ", text)
    return [line.strip() for line in joined.splitlines() if line.strip()]


def _kind(line: str) -> str:
    words = shlex.split(line, comments=True)
    return "veravox" if words and words[0].removeprefix(".venv/bin/") == "veravox" else "shell"
