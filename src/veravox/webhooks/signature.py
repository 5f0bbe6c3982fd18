"""The signature of a webhook: how the server makes it and a receiver checks it.

The header ``X-Veravox-Signature: t=<unix>,v1=<hex>`` holds HMAC-SHA256 of ``<unix>.<body>`` under
the receiver's signing secret. This module needs nothing but Python's standard library.
"""

import hashlib
import hmac
import time

SIGNATURE_HEADER = "X-Veravox-Signature"
TOLERANCE_SECONDS = 300.0


class InvalidSignature(ValueError):
    """The request does not come from who knows the secret, was altered, or is too old."""


def sign(secret: str, body: bytes, timestamp: int) -> str:
    """The header's value for `body` sent at `timestamp`, in Unix seconds."""
    return f"t={timestamp},v1={_digest(secret, body, timestamp)}"


def verify(
    secret: str,
    body: bytes,
    header: str,
    *,
    tolerance: float = TOLERANCE_SECONDS,
    now: float | None = None,
) -> None:
    """Check that `header` signs `body`, the bytes exactly as they were received.

    A signature older or newer than `tolerance` seconds at `now` (Unix seconds, by default the
    clock's) is refused, so that nobody can send a recorded request again later. Raises
    InvalidSignature.
    """
    timestamp, signatures = _parse(header)
    expected = _digest(secret, body, timestamp).encode()
    if not any(hmac.compare_digest(expected, signature) for signature in signatures):
        raise InvalidSignature("The signature does not fit")
    if abs((time.time() if now is None else now) - timestamp) > tolerance:
        raise InvalidSignature("The signature is too old")


def _digest(secret: str, body: bytes, timestamp: int) -> str:
    return hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()


def _parse(header: str) -> tuple[int, list[bytes]]:
    """The time and the signatures of the one known version."""
    pairs = [part.strip().partition("=") for part in header.split(",")]
    times = [value for name, _, value in pairs if name == "t"]
    signatures = [value.encode() for name, _, value in pairs if name == "v1"]
    if len(times) != 1 or not (times[0].isascii() and times[0].isdecimal()) or not signatures:
        raise InvalidSignature("The signature is malformed")
    if len(times[0]) > 12:
        raise InvalidSignature("The signature is malformed")
    return int(times[0]), signatures
