"""Passwords, hashed with argon2id at the parameters of RFC 9106 for little memory."""

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from veravox.errors import InvalidRequest

SHORTEST = 12
LONGEST = 256

_HASHER = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
_NOBODY = _HASHER.hash("nobody's password")


def hash_password(password: str) -> str:
    """The hash to store. Takes about 100 ms. Raises InvalidRequest for a length out of bounds."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise InvalidRequest(f"A password must have {SHORTEST} to {LONGEST} characters")
    return _HASHER.hash(password)


def matches(password: str, stored: str | None) -> bool:
    """Whether `stored` is the hash of `password`; as slow without one, so that nobody can tell."""
    try:
        return _HASHER.verify(stored or _NOBODY, password[:LONGEST]) and stored is not None
    except (VerificationError, InvalidHashError):
        return False
