import json
from pathlib import Path

import pytest

from tests.model_factory import MODEL_ID
from tests.unit.cli.conftest import Command


def test_models_are_listed_and_shown(veravox: Command):
    assert MODEL_ID in veravox("models", "list").stdout
    assert json.loads(veravox("models", "show", "stable").stdout)["id"] == MODEL_ID


def test_a_healthy_installation_passes_every_check(veravox: Command):
    result = veravox("doctor")

    assert result.exit_code == 0, result.stdout
    assert "problem" not in result.stdout


def test_a_model_that_was_altered_is_a_problem(veravox: Command, tmp_path: Path):
    weights = tmp_path / "models" / MODEL_ID / "model.onnx"
    weights.write_bytes(weights.read_bytes() + b"\0")

    result = veravox("doctor")

    assert result.exit_code == 1
    assert "model.onnx" in result.stdout


def test_a_database_that_cannot_be_opened_is_a_problem(
    veravox: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("VERAVOX_DATABASE_URL", f"sqlite:///{tmp_path}")

    result = veravox("doctor")

    assert result.exit_code == 1
    assert "problem database" in result.stdout
