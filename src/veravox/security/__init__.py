"""Secrets and how they are kept."""

from veravox.security.hashing import KeyHasher
from veravox.security.secret import report_secret, server_secret, voiceprint_secret
from veravox.security.signing import PublicKey, SigningKey
from veravox.security.vault import KeyShredded, KeyVault, WrongKey, open_sealed, seal

__all__ = [
    "KeyHasher",
    "KeyShredded",
    "KeyVault",
    "PublicKey",
    "SigningKey",
    "WrongKey",
    "open_sealed",
    "report_secret",
    "seal",
    "server_secret",
    "voiceprint_secret",
]
