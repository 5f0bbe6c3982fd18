"""Keyed hashing of random secrets.

API keys hold 256 random bits, so a single HMAC is enough; slow password hashing would only cost.
"""

import hashlib
import hmac


class KeyHasher:
    """HMAC-SHA256 under the server's secret."""

    def __init__(self, secret: bytes) -> None:
        """`secret` as server_secret() gives it."""
        self._secret = secret

    def digest(self, text: str) -> bytes:
        """The 32 bytes to store in place of `text`."""
        return hmac.digest(self._secret, text.encode(), hashlib.sha256)

    def matches(self, text: str, digest: bytes) -> bool:
        """Whether `digest` is that of `text`, compared in constant time."""
        return hmac.compare_digest(self.digest(text), digest)
