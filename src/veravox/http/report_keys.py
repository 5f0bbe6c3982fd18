"""The public keys that reports are signed under, for everybody."""

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel

from veravox.http.services import Services
from veravox.reports.jwks import key_set

PATH = "/.well-known/veravox-report-keys.json"

router = APIRouter(tags=["Operation"])


class KeyBody(BaseModel):
    """A public key as a JSON Web Key (RFC 7517, RFC 8037); `kid` is its thumbprint."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    alg: Literal["EdDSA"]
    use: Literal["sig"]
    kid: str
    x: str
    created_at: str


class KeysBody(BaseModel):
    """The key in use and all before it, the newest first."""

    keys: list[KeyBody]


_EXAMPLE = {
    "keys": [
        {
            "kty": "OKP",
            "crv": "Ed25519",
            "alg": "EdDSA",
            "use": "sig",
            "kid": "E3giyS1zYV9yK-Cu7LvRkYWc4OQ3xoqcDfCyeACKAnQ",
            "x": "7JKheYueTSYwvgROj9QlPcmH25SIHBQNMTPIQODUh3g",
            "created_at": "2026-11-21T09:30:00+00:00",
        }
    ]
}


@router.get(
    PATH,
    summary="Public keys of reports",
    response_model=KeysBody,
    responses={200: {"content": {"application/json": {"example": _EXAMPLE}}}},
)
async def report_keys(request: Request) -> KeysBody:
    """Keep them: with them `veravox verify-report` works without a connection."""
    keys = await Services.of(request.scope).reports.keys()
    return KeysBody.model_validate(key_set(keys))
