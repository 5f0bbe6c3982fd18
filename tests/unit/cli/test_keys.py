import json

import pytest

from tests.unit.cli.conftest import Command


def test_a_created_key_is_printed_as_json(veravox: Command):
    created = json.loads(veravox("keys", "create", "--name", "bank", "--json").stdout)

    assert created["key"].startswith(f"vvx_{created['prefix']}_")
    assert (created["name"], created["plan"]) == ("bank", "free")


def test_the_text_of_a_key_is_never_listed(veravox: Command):
    key = json.loads(veravox("keys", "create", "--json").stdout)["key"]

    listed = veravox("keys", "list", "--json").stdout

    assert key not in listed
    assert key.split("_")[1] in listed


def test_a_revoked_key_says_so_in_the_list(veravox: Command):
    prefix = json.loads(veravox("keys", "create", "--json").stdout)["prefix"]

    assert veravox("keys", "revoke", prefix).exit_code == 0

    assert "revoked" in veravox("keys", "list").stdout


def test_revoking_an_unknown_key_fails_with_a_message(veravox: Command):
    result = veravox("keys", "revoke", "nobody")

    assert result.exit_code == 2
    assert "nobody" in result.stderr


@pytest.mark.parametrize("lifetime", ["soon", "0d", "-1d", "1y"])
def test_a_lifetime_that_is_none_is_refused(veravox: Command, lifetime: str):
    assert veravox("keys", "create", f"--expires-in={lifetime}").exit_code == 2


def test_an_invalid_setting_is_named(veravox: Command, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("VERAVOX_PORT", "many")

    result = veravox("keys", "list")

    assert result.exit_code == 2
    assert "port" in result.stderr
