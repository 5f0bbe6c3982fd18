"""Secrets and how they are kept."""

from veravox.security.hashing import KeyHasher
from veravox.security.secret import server_secret

__all__ = ["KeyHasher", "server_secret"]
