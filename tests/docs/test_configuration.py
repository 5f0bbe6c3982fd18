"""The documentation tells every setting with its meaning and its default."""

from pathlib import Path

import pytest

from veravox.settings import Settings

ROWS = {
    line.split("|")[1].strip().strip("`"): line
    for line in Path("docs/configuration.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| `VERAVOX_")
}


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented(name: str):
    field = Settings.model_fields[name]
    row = ROWS[f"VERAVOX_{name.upper()}"]

    assert field.description is not None
    assert field.description in row
    if field.default_factory is None and field.default not in (None, ()):
        assert f"`{field.default}`" in row


def test_no_setting_is_documented_that_does_not_exist():
    assert {row.removeprefix("VERAVOX_").lower() for row in ROWS} == set(Settings.model_fields)
