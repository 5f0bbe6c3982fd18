"""The server's own secret, under which API keys are hashed."""

import os
from pathlib import Path
from secrets import token_hex
from tempfile import NamedTemporaryFile

from veravox.settings import InvalidSettings, Settings

SECRET_FILE = "secret.key"  # noqa: S105
SECRET_BYTES = 32
MINIMUM_LENGTH = 32


def server_secret(settings: Settings) -> bytes:
    """The secret of the settings, else of the file in the data folder, created when absent.

    Raises InvalidSettings when the file holds fewer than 32 characters.
    """
    if settings.secret_key is not None:
        return settings.secret_key.get_secret_value().encode()
    path = settings.data_dir / SECRET_FILE
    if not path.exists():
        _create(path)
    secret = path.read_text().strip()
    if len(secret) < MINIMUM_LENGTH:
        raise InvalidSettings(f"{path} must hold at least {MINIMUM_LENGTH} characters")
    return secret.encode()


def _create(path: Path) -> None:
    """Write a new secret, readable by the owner only.

    The file appears whole or not at all, and the first of several processes wins.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile("w", dir=path.parent, prefix=".secret-") as draft:
        draft.write(token_hex(SECRET_BYTES) + "\n")
        draft.flush()
        os.fsync(draft.fileno())
        try:
            os.link(draft.name, path)
        except FileExistsError:
            return
