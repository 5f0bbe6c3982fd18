"""Signatures that anybody can check: Ed25519 (RFC 8032)."""

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
SIGNATURE_BYTES = 64


@dataclass(frozen=True, slots=True)
class PublicKey:
    """The half of a key that everybody may have: its 32 bytes."""

    raw: bytes

    def __post_init__(self) -> None:
        """Raises ValueError unless there are 32 bytes."""
        if len(self.raw) != KEY_BYTES:
            raise ValueError("an Ed25519 public key has 32 bytes")

    @property
    def id(self) -> str:
        """The JWK thumbprint (RFC 7638, RFC 8037), 43 characters."""
        members = f'{{"crv":"Ed25519","kty":"OKP","x":"{encoded(self.raw)}"}}'
        return encoded(hashlib.sha256(members.encode()).digest())

    def verifies(self, signature: bytes, content: bytes) -> bool:
        """Whether `signature` is this key's over `content`."""
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, content)
        except InvalidSignature:
            return False
        return True


class SigningKey:
    """The half that signs."""

    def __init__(self, secret: bytes) -> None:
        """`secret` as report_secret() gives it; the key follows from it by HKDF."""
        derivation = HKDF(SHA256(), KEY_BYTES, salt=None, info=b"veravox reports")
        self.private = Ed25519PrivateKey.from_private_bytes(derivation.derive(secret))
        self.public = PublicKey(self.private.public_key().public_bytes_raw())

    def sign(self, content: bytes) -> bytes:
        """The 64 bytes of the signature over `content`; the same content gives the same bytes."""
        return self.private.sign(content)


def encoded(content: bytes) -> str:
    """Base64url without padding (RFC 7515, section 2)."""
    return urlsafe_b64encode(content).decode().rstrip("=")


def decoded(text: str) -> bytes:
    """What `encoded` was given. Raises ValueError for other text."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
