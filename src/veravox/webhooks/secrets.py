"""The secrets under which webhooks are signed, one for each tenant.

A secret is derived from the server's own, so the database alone does not give it away. Its keyed
hash is stored beside the salt: a host with another server secret notices, and does not sign.
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property
from secrets import token_bytes

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError

from veravox.db import Database
from veravox.security import KeyHasher
from veravox.settings import InvalidSettings
from veravox.webhooks.tables import SigningSecretRow

SALT_BYTES = 16
_PURPOSE = b"veravox webhook secrets v1"


class SigningSecrets:
    """The signing secrets of one installation."""

    def __init__(self, database: Database, server_secret: Callable[[], bytes]) -> None:
        """`server_secret` is asked when the first secret is needed."""
        self._database = database
        self._server_secret = server_secret

    async def get(self, tenant_id: str) -> str:
        """The tenant's secret, made when it is first asked for.

        Raises InvalidSettings when it was made by a server with another secret of its own.
        """
        row = await self._find(tenant_id) or await self._create(tenant_id)
        secret = self._derive(tenant_id, row.salt)
        if not KeyHasher(self._key).matches(secret, row.digest):
            raise InvalidSettings(
                "VERAVOX_SECRET_KEY is not the one that the webhook secrets were made with"
            )
        return secret

    async def renew(self, tenant_id: str) -> str:
        """A new secret for the tenant; the old one signs nothing any more."""
        async with self._database.transaction() as session:
            await session.execute(
                delete(SigningSecretRow).where(SigningSecretRow.tenant_id == tenant_id)
            )
        return await self.get(tenant_id)

    @cached_property
    def _key(self) -> bytes:
        return hmac.digest(self._server_secret(), _PURPOSE, hashlib.sha256)

    async def _find(self, tenant_id: str) -> SigningSecretRow | None:
        async with self._database.transaction() as session:
            return await session.get(SigningSecretRow, tenant_id)

    async def _create(self, tenant_id: str) -> SigningSecretRow:
        """A new row, or the one that another process made at the same time."""
        salt = token_bytes(SALT_BYTES)
        row = SigningSecretRow(
            tenant_id=tenant_id,
            salt=salt,
            digest=KeyHasher(self._key).digest(self._derive(tenant_id, salt)),
            created_at=datetime.now(UTC),
        )
        try:
            async with self._database.transaction() as session:
                session.add(row)
        except IntegrityError:
            async with self._database.transaction() as session:
                return await session.get_one(SigningSecretRow, tenant_id)
        return row

    def _derive(self, tenant_id: str, salt: bytes) -> str:
        digest = hmac.digest(self._key, salt + tenant_id.encode(), hashlib.sha256)
        return f"whsec_{urlsafe_b64encode(digest).rstrip(b'=').decode()}"
