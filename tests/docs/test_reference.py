"""The pages of errors, metrics and commands tell everything there is, and nothing else."""

import re
from pathlib import Path

from prometheus_client import REGISTRY

from scripts.cli_page import cli_page
from veravox.http.dialects import neural_defend
from veravox.http.problems import ERROR_WORDS
from veravox.telemetry import metrics

ERRORS = Path("docs/errors.md").read_text(encoding="utf-8")
METRICS = Path("docs/metrics.md").read_text(encoding="utf-8")


def test_the_page_of_commands_is_what_the_commands_say():
    """`make docs` writes it anew."""
    assert Path("docs/cli.md").read_text(encoding="utf-8") == cli_page()


def test_every_error_is_documented_with_its_status():
    rows = re.findall(r"^\| (\d{3}) \| `([a-z_]+)` \|", ERRORS, re.MULTILINE)
    assert {int(status): word for status, word in rows} == dict(ERROR_WORDS)


def test_every_error_code_of_neural_defend_is_documented():
    source = Path(neural_defend.__file__).read_text(encoding="utf-8")
    kinds = re.findall(r'Kind\((\d{3}), "[a-z_]+", "([A-Z_]+)"', source)
    rows = re.findall(r"^\| (\d{3}) \| `([A-Z_]+)` \|", ERRORS, re.MULTILINE)
    assert set(rows) == set(kinds)


def test_every_metric_is_documented():
    assert metrics.REQUESTS
    kinds = {family.name: family.type for family in REGISTRY.collect()}
    served = {
        f"{name}_total" if kind == "counter" else name
        for name, kind in kinds.items()
        if name.startswith("veravox_")
    }
    assert set(re.findall(r"^\| `(veravox_[a-z_]+)` \|", METRICS, re.MULTILINE)) == served
