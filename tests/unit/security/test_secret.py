import stat
import subprocess
import sys
from pathlib import Path

import pytest

from veravox.security import KeyHasher, server_secret
from veravox.settings import InvalidSettings, load_settings


def test_the_secret_is_made_once_and_readable_by_the_owner_only(tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path / "new")
    secret = server_secret(settings)
    assert len(secret) >= 32
    assert server_secret(settings) == secret
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["secret.key"]
    assert stat.S_IMODE((tmp_path / "new" / "secret.key").stat().st_mode) == 0o600


def test_two_installations_have_different_secrets(tmp_path: Path) -> None:
    first, second = (server_secret(load_settings(data_dir=tmp_path / n)) for n in ("a", "b"))
    assert first != second


def test_a_secret_in_the_settings_wins_over_the_file(tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path, secret_key="s" * 40)
    assert server_secret(settings) == b"s" * 40
    assert not (tmp_path / "secret.key").exists()


def test_a_truncated_secret_file_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "secret.key").write_text("short\n")
    with pytest.raises(InvalidSettings, match=r"secret\.key"):
        server_secret(load_settings(data_dir=tmp_path))


def test_processes_that_start_at_once_agree_on_the_secret(tmp_path: Path) -> None:
    program = (
        "import sys; from veravox.security import server_secret;"
        "from veravox.settings import load_settings;"
        "print(server_secret(load_settings(data_dir=sys.argv[1])).decode())"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE)
        for _ in range(4)
    ]
    assert len({process.communicate(timeout=60)[0] for process in processes}) == 1


def test_a_digest_is_the_hmac_sha256_of_the_text() -> None:
    hasher = KeyHasher(b"Jefe")
    digest = hasher.digest("what do ya want for nothing?")
    golden = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"  # RFC 4231, case 2
    assert digest.hex() == golden
    assert hasher.matches("what do ya want for nothing?", digest)
    assert not hasher.matches("what do ya want for nothing!", digest)
