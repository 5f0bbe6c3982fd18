"""Opaque positions in a list of predictions."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from datetime import datetime

from veravox.errors import InvalidRequest


def encode_cursor(created_at: datetime, prediction_id: str) -> str:
    """The position after the prediction created at this aware time with this id."""
    return urlsafe_b64encode(f"{created_at.isoformat()} {prediction_id}".encode()).decode()


def decode_cursor(cursor: str) -> tuple[datetime, str]:
    """The time and the id that `encode_cursor` was given. Raises InvalidRequest for other text."""
    try:
        moment, _, prediction_id = urlsafe_b64decode(cursor.encode()).decode().partition(" ")
        created_at = datetime.fromisoformat(moment)
    except (Error, ValueError):
        raise InvalidRequest("cursor must be the next_cursor of an earlier answer") from None
    if created_at.tzinfo is None:
        raise InvalidRequest("cursor must be the next_cursor of an earlier answer")
    return created_at, prediction_id
