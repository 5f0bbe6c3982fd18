"""All pages of the dashboard, and the files that they load."""

from pathlib import Path

from fastapi import APIRouter, FastAPI
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from veravox.settings import InvalidSettings, Settings
from veravox.web.routes import keys, live, models, people, recordings, sign_in, voices, webhooks

STATIC = Path(__file__).parent / "static"


class _Files(StaticFiles):
    """Files that browsers keep but ask about before each use."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """As StaticFiles."""
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response


def add_dashboard(app: FastAPI, settings: Settings) -> None:
    """Serve the dashboard.

    Raises InvalidSettings when an identity provider is named and the extra ``oidc`` is missing.
    """
    for part in (sign_in, recordings, live, voices, webhooks, keys, people, models):
        app.include_router(part.router)
    if settings.oidc_issuer:
        app.include_router(_provider_router(settings))
    app.mount("/static", _Files(directory=STATIC), name="static")


def _provider_router(settings: Settings) -> APIRouter:
    try:
        from veravox.web.routes.oidc import provider_router
    except ModuleNotFoundError as error:
        raise InvalidSettings("oidc_issuer needs: pip install veravox[oidc]") from error
    return provider_router(settings)
