"""What the server signs, the client checks."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from veravox.webhooks.signature import sign
from veravox_client import InvalidSignature, UnexpectedAnswer, read_webhook, verify_webhook

SECRET = "whsec_example"
NOW = 1_795_339_800
BODY = json.dumps(
    {
        "prediction_id": "pred_1",
        "status": "failed",
        "progress": 0.0,
        "created_at": "2026-11-21T09:30:00Z",
        "error": {"error": "unsupported_format", "message": "The file is a PDF"},
    }
).encode()


def test_a_webhook_of_the_server_is_read() -> None:
    prediction = read_webhook(SECRET, BODY, sign(SECRET, BODY, NOW), now=NOW + 10.0)

    assert prediction.error is not None
    assert (prediction.status, prediction.error.error) == ("failed", "unsupported_format")


@pytest.mark.parametrize(
    ("body", "secret", "now"),
    [(BODY + b" ", SECRET, NOW), (BODY, "other", NOW), (BODY, SECRET, NOW + 301.0)],
    ids=["altered", "of somebody else", "recorded"],
)
def test_what_does_not_come_from_the_server_now_is_refused(
    body: bytes, secret: str, now: float
) -> None:
    with pytest.raises(InvalidSignature):
        verify_webhook(secret, body, sign(SECRET, BODY, NOW), now=now)


def test_a_signed_body_of_another_shape_is_not_understood() -> None:
    with pytest.raises(UnexpectedAnswer):
        read_webhook(SECRET, b"[]", sign(SECRET, b"[]", NOW), now=NOW)


@given(st.text())
def test_no_header_of_somebody_s_own_making_passes_or_breaks(header: str) -> None:
    with pytest.raises(InvalidSignature):
        verify_webhook(SECRET, BODY, header, now=NOW)
