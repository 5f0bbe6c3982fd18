"""What a server does not load, since every process pays for it."""

import subprocess
import sys

import pytest

SERVING = "import sys, veravox.cli.serve, veravox.cli.worker, veravox.http.app; print(*sys.modules)"


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    done = subprocess.run([sys.executable, "-c", SERVING], capture_output=True, check=True)
    return set(done.stdout.decode().split())


@pytest.mark.parametrize("name", ["scipy", "matplotlib", "pyarrow", "torch"])
def test_a_server_starts_without_what_only_evaluation_or_training_needs(
    name: str, loaded: set[str]
) -> None:
    assert name not in loaded


def test_a_command_does_not_wait_for_the_others() -> None:
    script = "import sys; from veravox.cli import app; app(['--version'], standalone_mode=False)"
    done = subprocess.run(
        [sys.executable, "-c", f"{script}; print(*sys.modules)"], capture_output=True, check=True
    )

    assert not {"numpy", "fastapi", "sqlalchemy"} & set(done.stdout.decode().split())
