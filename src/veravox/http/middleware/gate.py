"""Who may come in: key, quota, room and size, all before the body is read."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from veravox.errors import RateLimited
from veravox.http.exchange import Exchange
from veravox.http.middleware.body_limit import LimitedBody
from veravox.http.services import Services
from veravox.settings import GIBIBYTE, MEBIBYTE, Settings
from veravox.storage.signing import STORAGE_PATH

OTHER_BODY_BYTES = MEBIBYTE
"""The largest body that is no upload."""


class GateMiddleware:
    """Lets a request through when its key, the key's quota and the size of its body allow it."""

    def __init__(self, app: ASGIApp) -> None:
        """`app` reads the body."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection. Raises Unauthorized, RateLimited, Unavailable, PayloadTooLarge."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        services = Services.of(scope)
        exchange = Exchange.of(scope)
        body = LimitedBody(scope, receive, _body_limit(scope, services.settings))
        if not exchange.needs_key:
            await body.refuse_if_declared_too_large()
            await self._app(scope, body.receive, send)
            return
        presented = exchange.dialect.present_key(Headers(scope=scope))
        exchange.key = await services.accounts.authenticate(presented)
        try:
            async with services.quota.admit(exchange.key) as usage:
                exchange.usage = usage
                if scope["path"] in exchange.dialect.upload_limits:
                    services.ensure_room()
                await body.refuse_if_declared_too_large()
                await self._app(scope, body.receive, send)
        except RateLimited as error:
            exchange.usage = error.usage
            raise


def _body_limit(scope: Scope, settings: Settings) -> int:
    """Bytes of the largest body that this request may have, its framing aside."""
    if scope["path"].startswith(STORAGE_PATH):
        return settings.max_file_gb * GIBIBYTE
    limit_of = Exchange.of(scope).dialect.upload_limits.get(scope["path"])
    kind = Headers(scope=scope).get("content-type", "")
    if limit_of is None or kind.startswith("application/json"):
        return OTHER_BODY_BYTES
    return limit_of(settings)
