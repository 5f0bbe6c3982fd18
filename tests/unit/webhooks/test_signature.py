import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import veravox
from veravox.webhooks.signature import InvalidSignature, sign, verify

SECRET = "whsec_test"
BODY = b'{"prediction_id": "pred_1"}'
NOW = 1_795_339_800
# printf '1795339800.{"prediction_id": "pred_1"}' | openssl dgst -sha256 -hmac whsec_test
SIGNED = "t=1795339800,v1=2b175c6ecdbf53f9d2a96f8baedef64f534beb5079009f492b3c46e991c11529"


def test_the_signature_is_the_one_that_openssl_computes():
    assert sign(SECRET, BODY, NOW) == SIGNED
    verify(SECRET, BODY, SIGNED, now=NOW)


@given(body=st.binary(), secret=st.text(min_size=1), late=st.integers(-300, 300))
def test_what_is_signed_verifies(body: bytes, secret: str, late: int):
    verify(secret, body, sign(secret, body, NOW), now=NOW + late)


@pytest.mark.parametrize(
    ("secret", "body"), [(SECRET, BODY + b" "), (SECRET, b""), ("whsec_other", BODY)]
)
def test_an_altered_body_or_another_secret_is_refused(secret: str, body: bytes):
    with pytest.raises(InvalidSignature, match="does not fit"):
        verify(secret, body, SIGNED, now=NOW)


def test_an_altered_time_is_refused():
    with pytest.raises(InvalidSignature, match="does not fit"):
        verify(SECRET, BODY, SIGNED.replace(f"{NOW}", f"{NOW + 9}"), now=NOW)


@pytest.mark.parametrize("now", [NOW + 301, NOW - 301])
def test_a_recorded_request_cannot_be_sent_again_later(now: float):
    with pytest.raises(InvalidSignature, match="too old"):
        verify(SECRET, BODY, SIGNED, now=now)
    verify(SECRET, BODY, SIGNED, now=now, tolerance=400)


def test_one_of_several_signatures_is_enough():
    verify(SECRET, BODY, SIGNED.replace("v1=", "v1=0000, v0=1, v1="), now=NOW)


@given(header=st.text())
def test_any_other_header_is_refused(header: str):
    with pytest.raises(InvalidSignature):
        verify(SECRET, BODY, header, now=NOW)


@pytest.mark.parametrize(
    "header", ["", "t=1", "v1=00", "t=,v1=00", "t=²,v1=00", "t=-1,v1=00", f"t={'9' * 5000},v1=0"]
)
def test_a_malformed_header_is_refused(header: str):
    with pytest.raises(InvalidSignature, match="malformed"):
        verify(SECRET, BODY, header, now=NOW)


def test_receivers_need_nothing_but_python():
    source = Path(veravox.__file__).parents[1]
    program = f"import sys; sys.path.append({str(source)!r}); import veravox.webhooks.signature"

    done = subprocess.run([sys.executable, "-S", "-E", "-c", program], check=False, timeout=30)

    assert done.returncode == 0
