"""The ASGI application."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware

from veravox.http import health, report_keys, storage
from veravox.http.dialects import (
    aurigin_v0,
    aurigin_v1,
    aurigin_v1_files,
    aurigin_v1_models,
    aurigin_v1_reports,
    aurigin_v1_voiceid,
    aurigin_v1_webhooks,
    neural_defend,
)
from veravox.http.dialects.aurigin_v1_webhooks import webhook_body
from veravox.http.docs import add_docs
from veravox.http.middleware.early_close import EarlyCloseMiddleware
from veravox.http.middleware.gate import GateMiddleware
from veravox.http.middleware.problems import ProblemMiddleware, framework_error
from veravox.http.middleware.stamp import REQUEST_ID, StampMiddleware
from veravox.http.openapi import describe_api
from veravox.http.services import open_services
from veravox.http.streams import serving_streams
from veravox.settings import Settings, load_settings
from veravox.streaming import audiohook, twilio, websocket
from veravox.telemetry.logs import configure_logs
from veravox.web import dashboard
from veravox.web.pages import add_dashboard

DIALECTS = (aurigin_v1.DIALECT, aurigin_v0.DIALECT, neural_defend.DIALECT, dashboard.DIALECT)
EXPOSED_HEADERS = (
    REQUEST_ID,
    "Retry-After",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
)


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application that `settings` describe.

    Without them, as server processes call it, they are those in force, and logging is set up.
    """
    if settings is None:
        settings = load_settings()
        configure_logs(settings.log_format, settings.log_level)
    chosen = settings

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        async with open_services(chosen, webhook_body) as services:
            app.state.services = services
            app.state.desk = services.desk
            async with serving_streams(chosen, services.desk, services.draining):
                yield

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, redirect_slashes=False)
    for part in (
        aurigin_v1,
        aurigin_v1_files,
        aurigin_v1_reports,
        aurigin_v1_webhooks,
        aurigin_v1_voiceid,
        aurigin_v1_models,
        aurigin_v0,
        neural_defend,
        storage,
        websocket,
        twilio,
        audiohook,
        report_keys,
        health,
    ):
        app.include_router(part.router)
    add_docs(app)
    add_dashboard(app, settings)
    app.openapi = lambda: describe_api(app)
    app.add_exception_handler(HTTPException, framework_error)
    app.add_exception_handler(RequestValidationError, framework_error)
    _add_middleware(app, settings)
    return app


def _add_middleware(app: FastAPI, settings: Settings) -> None:
    """Innermost first: each call wraps what is there."""
    app.add_middleware(GateMiddleware)
    app.add_middleware(ProblemMiddleware)
    app.add_middleware(EarlyCloseMiddleware)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=("GET", "POST", "PUT", "DELETE"),
            allow_headers=("Authorization", "Content-Type", "X-Api-Key", REQUEST_ID),
            expose_headers=EXPOSED_HEADERS,
        )
    app.add_middleware(StampMiddleware, dialects=DIALECTS)
