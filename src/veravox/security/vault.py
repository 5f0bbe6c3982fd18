"""Envelope encryption of what belongs to one person, so that losing a key erases the person.

Three levels, all AES-256-GCM: the installation's secret wraps a key for each tenant, which wraps a
key for each subject, which seals the data. The wrapped keys are files in a folder of their own and
never in the database: a backup of the database holds nothing that opens it, and once a subject's
key is shredded every copy of the subject's data is noise, wherever it is.

    <folder>/<tenant>/tenant.key
    <folder>/<tenant>/<subject>.key

`<tenant>` is a hash of the tenant's id.
"""

import hashlib
import json
import shutil
from pathlib import Path
from secrets import token_bytes

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from veravox.security.files import shred, write_once

KEY_BYTES = 32
NONCE_BYTES = 12
TENANT_FILE = "tenant.key"


class KeyShredded(Exception):
    """The key is gone for ever, and so is what it sealed."""


class WrongKey(Exception):
    """The data was altered, or was sealed under another key or for another purpose."""


class KeyVault:
    """The keys of all tenants and subjects, in files. Safe for several processes."""

    def __init__(self, folder: Path, secret: bytes) -> None:
        """`secret` as voiceprint_secret() gives it. Nothing is written before the first key."""
        self._folder = folder
        derivation = HKDF(SHA256(), KEY_BYTES, salt=None, info=b"veravox voiceprints")
        self._master = derivation.derive(secret)

    def create(self, tenant_id: str, subject: str) -> bytes:
        """The subject's key, made when there is none."""
        folder = self._tenant_folder(tenant_id)
        tenant_key = self._ensured(folder / TENANT_FILE, self._master, [tenant_id])
        return self._ensured(folder / f"{subject}.key", tenant_key, [tenant_id, subject])

    def get(self, tenant_id: str, subject: str) -> bytes:
        """The subject's key. Raises KeyShredded when there is none."""
        folder = self._tenant_folder(tenant_id)
        tenant_key = _unwrapped(folder / TENANT_FILE, self._master, [tenant_id])
        return _unwrapped(folder / f"{subject}.key", tenant_key, [tenant_id, subject])

    def shred(self, tenant_id: str, subject: str) -> bool:
        """Destroy the subject's key; whether there was one."""
        return shred(self._tenant_folder(tenant_id) / f"{subject}.key")

    def shred_tenant(self, tenant_id: str) -> bool:
        """Destroy the tenant's key and with it every subject's; whether there was one."""
        folder = self._tenant_folder(tenant_id)
        there = shred(folder / TENANT_FILE)
        for file in folder.glob("*.key"):
            shred(file)
        shutil.rmtree(folder, ignore_errors=True)
        return there

    def _tenant_folder(self, tenant_id: str) -> Path:
        return self._folder / hashlib.sha256(tenant_id.encode()).hexdigest()[:32]

    def _ensured(self, path: Path, wrapping: bytes, names: list[str]) -> bytes:
        if not path.exists():
            write_once(path, seal(wrapping, token_bytes(KEY_BYTES), names))
        return _unwrapped(path, wrapping, names)


def seal(key: bytes, content: bytes, names: list[str]) -> bytes:
    """`content` under `key`, bound to `names`: a fresh nonce and the ciphertext with its tag."""
    nonce = token_bytes(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, content, _bound(names))


def open_sealed(key: bytes, sealed: bytes, names: list[str]) -> bytes:
    """What `seal` was given. Raises WrongKey for another key, other names or altered data."""
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _bound(names))
    except InvalidTag:
        raise WrongKey("the data cannot be opened with this key") from None


def _unwrapped(path: Path, wrapping: bytes, names: list[str]) -> bytes:
    try:
        wrapped = path.read_bytes()
    except FileNotFoundError:
        raise KeyShredded(path.name) from None
    return open_sealed(wrapping, wrapped, names)


def _bound(names: list[str]) -> bytes:
    """The names as additional authenticated data, told apart without doubt."""
    return json.dumps(names, ensure_ascii=False).encode()
