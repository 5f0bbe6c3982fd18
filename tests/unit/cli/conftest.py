from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.model_factory import write_model
from veravox.cli import app

Command = Callable[..., Result]


@pytest.fixture
def veravox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs the command line on an empty data folder and a small real model."""
    write_model(tmp_path / "models")
    monkeypatch.setenv("VERAVOX_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("VERAVOX_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("VERAVOX_SCORING_THREADS", "2")
    runner = CliRunner()
    return lambda *arguments: runner.invoke(app, [str(argument) for argument in arguments])
