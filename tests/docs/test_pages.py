"""The pages name every command and link only to what is there."""

import re
from pathlib import Path

import pytest

from veravox.accounts import Plan, Scope
from veravox.cli import COMMANDS

PAGES = [Path("README.md"), Path("CONTRIBUTING.md"), *Path("docs").glob("*.md")]
TEXT = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_is_documented(command: str):
    assert f"veravox {command}" in TEXT


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_lead_somewhere(page: Path):
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_every_scope_and_plan_is_documented():
    for word in (*Plan, *Scope):
        assert f"`{word}`" in TEXT
