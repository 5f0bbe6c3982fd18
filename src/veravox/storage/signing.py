"""URLs of our own that carry their permission, in the manner of S3's presigned ones.

The signature is HMAC-SHA256 over everything that the URL allows: method, object, part, expiry,
length and type. The key is derived from the server's secret and used for nothing else.
"""

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import urlencode

from veravox.errors import Forbidden

STORAGE_PATH = "/storage/"
_PURPOSE = b"veravox storage urls v1"

Method = Literal["GET", "PUT"]


@dataclass(frozen=True, slots=True)
class Permission:
    """What one signed URL allows, until `expires_at` in Unix seconds.

    `size` in bytes and `content_type` bind a PUT where they are given. `part` counts from 1 and
    starts at byte `offset`; 0 is the whole object.
    """

    method: Method
    key: str
    expires_at: int
    size: int | None = None
    content_type: str | None = None
    part: int = 0
    offset: int = 0


class UrlSigner:
    """Makes signed URLs and reads them back."""

    def __init__(self, secret: bytes) -> None:
        """`secret` as server_secret() gives it."""
        self._key = hmac.digest(secret, _PURPOSE, hashlib.sha256)

    def sign(self, permission: Permission) -> str:
        """The path and query that stand for `permission`."""
        query: dict[str, str | int] = {"expires": permission.expires_at}
        if permission.size is not None:
            query["size"] = permission.size
        if permission.content_type is not None:
            query["type"] = permission.content_type
        if permission.part:
            query |= {"part": permission.part, "offset": permission.offset}
        query["signature"] = self._signature(permission)
        return f"{STORAGE_PATH}{permission.key}?{urlencode(query)}"

    def verify(
        self, method: str, key: str, query: Mapping[str, str], now: datetime | None = None
    ) -> Permission:
        """The permission in the URL of a request at `now`. Raises Forbidden."""
        try:
            permission = Permission(
                method="PUT" if method == "PUT" else "GET",
                key=key,
                expires_at=int(query["expires"]),
                size=int(query["size"]) if "size" in query else None,
                content_type=query.get("type"),
                part=int(query.get("part", "0")),
                offset=int(query.get("offset", "0")),
            )
            signature = query["signature"]
        except (KeyError, ValueError):
            raise Forbidden("The URL is not a signed one") from None
        if not hmac.compare_digest(self._signature(permission).encode(), signature.encode()):
            raise Forbidden("The URL's signature does not fit")
        if permission.expires_at <= (now or datetime.now(UTC)).timestamp():
            raise Forbidden("The URL has expired")
        return permission

    def _signature(self, permission: Permission) -> str:
        text = json.dumps(
            [
                permission.method,
                permission.key,
                permission.expires_at,
                permission.size,
                permission.content_type,
                permission.part,
                permission.offset,
            ]
        )
        digest = hmac.digest(self._key, text.encode(), hashlib.sha256)
        return urlsafe_b64encode(digest).rstrip(b"=").decode()
