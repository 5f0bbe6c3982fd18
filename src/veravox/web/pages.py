"""All pages of the dashboard, and the files that they load."""

from pathlib import Path

from fastapi import FastAPI
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from veravox.web.routes import keys, models, people, recordings, sign_in, voices, webhooks

STATIC = Path(__file__).parent / "static"


class _Files(StaticFiles):
    """Files that browsers keep but ask about before each use."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """As StaticFiles."""
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response


def add_dashboard(app: FastAPI) -> None:
    """Serve the dashboard."""
    for part in (sign_in, recordings, voices, webhooks, keys, people, models):
        app.include_router(part.router)
    app.mount("/static", _Files(directory=STATIC), name="static")
