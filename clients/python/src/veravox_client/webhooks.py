"""Checking that a webhook comes from your Veravox.

The header ``X-Veravox-Signature: t=<unix>,v1=<hex>`` holds HMAC-SHA256 of ``<unix>.<body>`` under
your signing secret.
"""

import hashlib
import hmac
import re
import time

from pydantic import ValidationError

from veravox_client.errors import InvalidSignature, UnexpectedAnswer
from veravox_client.models import StoredPrediction

SIGNATURE_HEADER = "X-Veravox-Signature"
TOLERANCE_SECONDS = 300.0

_TIME = re.compile(r"[0-9]{1,12}")


def read_webhook(
    secret: str,
    body: bytes,
    signature: str,
    *,
    tolerance: float = TOLERANCE_SECONDS,
    now: float | None = None,
) -> StoredPrediction:
    """The prediction that a webhook tells of, once its signature is checked.

    `body` holds the bytes exactly as they came, `signature` is the header `SIGNATURE_HEADER`. A
    signature older or newer than `tolerance` seconds at `now` (Unix seconds, by default the
    clock's) is refused, so that nobody can send a recorded request again later. Raises
    InvalidSignature, and UnexpectedAnswer for a signed body of another shape.
    """
    verify_webhook(secret, body, signature, tolerance=tolerance, now=now)
    try:
        return StoredPrediction.model_validate_json(body)
    except ValidationError:
        raise UnexpectedAnswer("The webhook tells of no prediction") from None


def verify_webhook(
    secret: str,
    body: bytes,
    signature: str,
    *,
    tolerance: float = TOLERANCE_SECONDS,
    now: float | None = None,
) -> None:
    """The check of `read_webhook` alone. Raises InvalidSignature."""
    timestamp, digests = _parse(signature)
    signed = f"{timestamp}.".encode() + body
    expected = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest().encode()
    if not any(hmac.compare_digest(expected, digest) for digest in digests):
        raise InvalidSignature("The signature does not fit")
    if abs((time.time() if now is None else now) - int(timestamp)) > tolerance:
        raise InvalidSignature("The signature is too old")


def _parse(signature: str) -> tuple[str, list[bytes]]:
    """The time and the digests of the one known version. Raises InvalidSignature."""
    pairs = [part.strip().partition("=") for part in signature.split(",")]
    times = [value for name, _, value in pairs if name == "t"]
    digests = [value.encode() for name, _, value in pairs if name == "v1"]
    if len(times) != 1 or not _TIME.fullmatch(times[0]) or not digests:
        raise InvalidSignature("The signature is malformed")
    return times[0], digests
