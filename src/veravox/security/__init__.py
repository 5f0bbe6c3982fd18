"""Secrets and how they are kept."""

from veravox.security.hashing import KeyHasher
from veravox.security.secret import server_secret, voiceprint_secret
from veravox.security.vault import KeyShredded, KeyVault, WrongKey, open_sealed, seal

__all__ = [
    "KeyHasher",
    "KeyShredded",
    "KeyVault",
    "WrongKey",
    "open_sealed",
    "seal",
    "server_secret",
    "voiceprint_secret",
]
