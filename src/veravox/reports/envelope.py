"""A report with its signature, as JSON.

    {"report": {...}, "signature": {"algorithm": "Ed25519", "canonicalisation": "RFC 8785",
     "key_id": "...", "public_key": "...", "value": "..."}}

The signature covers the value of `report` in the canonical form of RFC 8785 (JCS), so it outlives
reformatting but not the change of a single value. Key and signature are base64url without padding;
`key_id` is the key's JWK thumbprint (RFC 7638).
"""

import json
from dataclasses import dataclass
from typing import Any, Literal, cast

import rfc8785
from pydantic import BaseModel, ConfigDict, ValidationError

from veravox.errors import InvalidRequest
from veravox.reports.content import Report
from veravox.security import PublicKey, SigningKey
from veravox.security.signing import decoded, encoded


class SignatureBody(BaseModel):
    """Who signed, and the signature."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    algorithm: Literal["Ed25519"]
    canonicalisation: Literal["RFC 8785"]
    key_id: str
    public_key: str
    value: str


class SignedReport(BaseModel):
    """A report with its signature."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    report: Report
    signature: SignatureBody


@dataclass(frozen=True, slots=True)
class ReadReport:
    """A signed report as it was read; `genuine`: the signature is that of `key` over `report`."""

    report: Report
    key: PublicKey
    genuine: bool


def signed(report: Report, key: SigningKey) -> SignedReport:
    """The report with its signature under `key`."""
    content = rfc8785.dumps(report.model_dump(mode="json"))
    signature = SignatureBody(
        algorithm="Ed25519",
        canonicalisation="RFC 8785",
        key_id=key.public.id,
        public_key=encoded(key.public.raw),
        value=encoded(key.sign(content)),
    )
    return SignedReport(report=report, signature=signature)


def to_json(report: SignedReport) -> bytes:
    """The bytes of the file: indented JSON in UTF-8."""
    content = report.model_dump(mode="json")
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def read(content: bytes) -> ReadReport:
    """A signed report in JSON. Raises InvalidRequest for anything else.

    The signature is checked over the JSON as it came, not over what this version makes of it.
    """
    try:
        raw: dict[str, Any] = json.loads(content)
        parsed = SignedReport.model_validate_json(content)
        key = PublicKey(decoded(parsed.signature.public_key))
        value = decoded(parsed.signature.value)
        canonical = rfc8785.dumps(cast(dict[str, Any], raw["report"]))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InvalidRequest(f"This is no report of Veravox: {place}: {first['msg']}") from None
    except (ValueError, KeyError, TypeError, rfc8785.CanonicalizationError):
        raise InvalidRequest("This is no report of Veravox") from None
    genuine = key.id == parsed.signature.key_id and key.verifies(value, canonical)
    return ReadReport(parsed.report, key, genuine)
