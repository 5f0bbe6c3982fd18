"""Signing in by an identity provider; only there when the settings name one."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from veravox.errors import Unauthorized
from veravox.http.addresses import absolute
from veravox.http.services import Services
from veravox.settings import Settings
from veravox.web.provider import FLOW_COOKIE, FLOW_PATH, IdentityProvider
from veravox.web.routes.sign_in import own_path, sign_in_again
from veravox.web.view import back_to
from veravox.web.visitors import remember

CALLBACK = f"{FLOW_PATH}/callback"


def provider_router(settings: Settings) -> APIRouter:
    """The two steps of signing in by the provider of `settings`."""
    provider = IdentityProvider(settings)
    router = APIRouter(include_in_schema=False)

    @router.get(FLOW_PATH)
    async def leave(request: Request, next: str = "/") -> Response:
        return await provider.send_away(request, absolute(request, CALLBACK), own_path(next))

    @router.get(CALLBACK)
    async def come_back(request: Request) -> Response:
        try:
            name, target = await provider.name_and_target(request)
            signed_in = await Services.of(request.scope).users.admit(name)
        except Unauthorized as error:
            return sign_in_again(request, error.message)
        answer = back_to(own_path(target))
        answer.delete_cookie(FLOW_COOKIE, path=FLOW_PATH)
        remember(answer, request, signed_in)
        return answer

    return router
