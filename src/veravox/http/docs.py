"""The API reference at `/docs`, from files that the server itself holds."""

from importlib.resources import files
from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.responses import FileResponse
from starlette.staticfiles import StaticFiles

STATIC = Path(__file__).parent / "static"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)

router = APIRouter(include_in_schema=False)


@router.get("/docs")
async def reference() -> FileResponse:
    """The page, which loads Swagger UI and `/openapi.json`."""
    return FileResponse(STATIC / "docs.html", headers={"Content-Security-Policy": POLICY})


@router.get("/docs/start.js")
async def start() -> FileResponse:
    """The script that starts Swagger UI; a file of its own because of the policy."""
    return FileResponse(STATIC / "start.js")


@router.get("/docs/icon.svg")
async def icon() -> FileResponse:
    """The icon of the page."""
    return FileResponse(STATIC / "icon.svg")


def add_docs(app: FastAPI) -> None:
    """Serve the reference, with Swagger UI as the package `fastapi-offline` ships it."""
    app.include_router(router)
    swagger = StaticFiles(directory=str(files("fastapi_offline") / "static"))
    app.mount("/docs/swagger", swagger, name="swagger")
