"""The server's own secrets.

One hashes API keys, one wraps the keys of voiceprints, and one is the key that signs reports.
"""

from pathlib import Path
from secrets import token_hex

from pydantic import SecretStr

from veravox.security.files import write_once
from veravox.settings import InvalidSettings, Settings

SECRET_FILE = "secret.key"  # noqa: S105
VOICEPRINT_FILE = "voiceprint.key"
REPORT_FILE = "report.key"
SECRET_BYTES = 32
MINIMUM_LENGTH = 32


def server_secret(settings: Settings) -> bytes:
    """The secret of the settings, else of the file in the data folder, created when absent.

    Raises InvalidSettings when the file holds fewer than 32 characters.
    """
    return _secret(settings.secret_key, settings.data_dir / SECRET_FILE)


def voiceprint_secret(settings: Settings) -> bytes:
    """The secret that wraps the keys of voiceprints, found as `server_secret` is."""
    return _secret(settings.voiceprint_secret, settings.data_dir / VOICEPRINT_FILE)


def report_secret(settings: Settings) -> bytes:
    """The secret from which the key that signs reports follows, found as `server_secret` is."""
    return _secret(settings.report_secret, settings.data_dir / REPORT_FILE)


def _secret(chosen: SecretStr | None, path: Path) -> bytes:
    if chosen is not None:
        return chosen.get_secret_value().encode()
    if not path.exists():
        write_once(path, f"{token_hex(SECRET_BYTES)}\n".encode())
    secret = path.read_text().strip()
    if len(secret) < MINIMUM_LENGTH:
        raise InvalidSettings(f"{path} must hold at least {MINIMUM_LENGTH} characters")
    return secret.encode()
