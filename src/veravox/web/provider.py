"""Signing in by an OpenID Connect provider: authorization code flow with PKCE, by Authlib.

The provider vouches for a name; an administrator must have given it an account here before.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any, cast

import httpx
from authlib.integrations.starlette_client import OAuth, OAuthError
from joserfc.errors import JoseError
from starlette.requests import Request
from starlette.responses import Response

from veravox.errors import Unauthorized, Unavailable
from veravox.settings import Settings

FLOW_COOKIE = "veravox_oidc"
FLOW_PATH = "/sign-in/oidc"
FLOW_SECONDS = 600
RETRY_SECONDS = 10
EMAIL = "email"


class IdentityProvider:
    """The provider that the settings name."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is asked of the provider before the first person signs in."""
        secret = settings.oidc_client_secret
        self._claim = settings.oidc_claim
        issuer = (settings.oidc_issuer or "").rstrip("/")
        self._app = OAuth().register(
            "provider",
            server_metadata_url=f"{issuer}/.well-known/openid-configuration",
            client_id=settings.oidc_client_id or "",
            client_secret="" if secret is None else secret.get_secret_value(),
            client_kwargs={"scope": "openid email profile", "code_challenge_method": "S256"},
        )

    async def send_away(self, request: Request, come_back: str, target: str) -> Response:
        """To the provider, which sends the browser on to `come_back`; `target` is kept meanwhile.

        Raises Unavailable when the provider does not answer.
        """
        flow: dict[str, Any] = {"target": target}
        request.scope["session"] = flow
        try:
            answer = await self._app.authorize_redirect(request, come_back)
        except httpx.HTTPError:
            raise Unavailable("The identity provider does not answer", RETRY_SECONDS) from None
        answer.set_cookie(
            FLOW_COOKIE,
            urlsafe_b64encode(json.dumps(flow).encode()).decode(),
            max_age=FLOW_SECONDS,
            path=FLOW_PATH,
            secure=come_back.startswith("https://"),
            httponly=True,
            samesite="lax",
        )
        return answer

    async def name_and_target(self, request: Request) -> tuple[str, str]:
        """Whom the provider vouches for, and the page that they wanted.

        Raises Unauthorized for an answer that is not to what this browser asked, or that names
        nobody, and Unavailable when the provider does not answer.
        """
        flow = _flow(request.cookies.get(FLOW_COOKIE, ""))
        request.scope["session"] = flow
        try:
            token = await self._app.authorize_access_token(request)
        except (OAuthError, JoseError):
            raise Unauthorized("The identity provider did not sign you in; try again") from None
        except httpx.HTTPError:
            raise Unavailable("The identity provider does not answer", RETRY_SECONDS) from None
        return self._name(token.get("userinfo", {})), str(flow.get("target", "/"))

    def _name(self, claims: Mapping[str, Any]) -> str:
        name = claims.get(self._claim)
        if not isinstance(name, str) or not name:
            raise Unauthorized(f"The identity provider did not tell your '{self._claim}'")
        if self._claim == EMAIL and claims.get("email_verified") is not True:
            raise Unauthorized("The identity provider has not verified your e-mail address")
        return name


def _flow(cookie: str) -> dict[str, Any]:
    try:
        flow = json.loads(urlsafe_b64decode(cookie))
    except ValueError:
        return {}
    return cast(dict[str, Any], flow) if isinstance(flow, dict) else {}
