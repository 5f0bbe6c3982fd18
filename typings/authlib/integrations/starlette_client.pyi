from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse

class OAuthError(Exception):
    error: str
    description: str

class StarletteOAuth2App:
    async def authorize_redirect(self, request: Request, redirect_uri: str) -> RedirectResponse: ...
    async def authorize_access_token(self, request: Request) -> Mapping[str, Any]: ...

class OAuth:
    def __init__(self) -> None: ...
    def register(
        self,
        name: str,
        *,
        server_metadata_url: str,
        client_id: str,
        client_secret: str,
        client_kwargs: Mapping[str, str],
    ) -> StarletteOAuth2App: ...
