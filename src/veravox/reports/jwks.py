"""Public keys as a JWK set (RFC 7517, RFC 8037)."""

import json
from collections.abc import Iterable
from typing import Any, cast

from veravox.errors import InvalidRequest
from veravox.reports.keys import KnownKey
from veravox.security import PublicKey
from veravox.security.signing import decoded, encoded


def key_set(keys: Iterable[KnownKey]) -> dict[str, list[dict[str, str]]]:
    """The set, in the order of `keys`."""
    return {
        "keys": [
            {
                "kty": "OKP",
                "crv": "Ed25519",
                "alg": "EdDSA",
                "use": "sig",
                "kid": known.key.id,
                "x": encoded(known.key.raw),
                "created_at": known.created_at.isoformat(timespec="seconds"),
            }
            for known in keys
        ]
    }


def read_keys(content: bytes) -> list[PublicKey]:
    """The Ed25519 keys of a set. Raises InvalidRequest for anything else."""
    try:
        keys = cast(dict[str, Any], json.loads(content))["keys"]
        return [PublicKey(decoded(key["x"])) for key in keys if key["crv"] == "Ed25519"]
    except (ValueError, KeyError, TypeError):
        raise InvalidRequest("This is no set of public keys (JWKS)") from None
