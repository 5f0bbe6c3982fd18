import pytest

from veravox.security import PublicKey, SigningKey
from veravox.security.signing import decoded, encoded


def test_the_id_is_the_thumbprint_of_rfc_8037() -> None:
    """Appendix A.3."""
    key = PublicKey(decoded("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"))
    assert key.id == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_a_signature_holds_for_its_content_and_its_key_only() -> None:
    key = SigningKey(b"one secret")
    signature = key.sign(b"content")
    assert key.public.verifies(signature, b"content")
    assert not key.public.verifies(signature, b"other")
    assert not SigningKey(b"another").public.verifies(signature, b"content")
    assert not key.public.verifies(b"short", b"content")


def test_the_same_secret_gives_the_same_key() -> None:
    assert SigningKey(b"one secret").public == SigningKey(b"one secret").public


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_public_key_has_32_bytes(size: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        PublicKey(bytes(size))


@pytest.mark.parametrize("size", range(5))
def test_base64url_reads_back(size: int) -> None:
    assert decoded(encoded(b"\xff" * size)) == b"\xff" * size
