"""What orchestrators and monitors ask for."""

from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError

from veravox.http.services import Services
from veravox.telemetry.metrics import CONTENT_TYPE, render

router = APIRouter(tags=["Operation"])


class Alive(BaseModel):
    """The process answers."""

    status: Literal["ok"]


class Readiness(BaseModel):
    """Whether requests should be sent here, and what each part says."""

    status: Literal["ready", "not ready"]
    database: Literal["ok", "unavailable"]
    model: str
    draining: bool


@router.get("/healthz", summary="Is the process alive?")
async def healthz() -> Alive:
    """Answers as long as the process does."""
    return Alive(status="ok")


@router.get(
    "/readyz",
    summary="Can the process serve?",
    responses={503: {"model": Readiness, "description": "Send requests elsewhere."}},
)
async def readyz(request: Request, response: Response) -> Readiness:
    """503 while the database does not answer and after the process was told to end."""
    services = Services.of(request.scope)
    try:
        await services.database.check()
        database = "ok"
    except SQLAlchemyError:
        database = "unavailable"
    ready = database == "ok" and not services.draining
    response.status_code = 200 if ready else 503
    return Readiness(
        status="ready" if ready else "not ready",
        database=database,
        model=services.analyser.models.card().id,
        draining=bool(services.draining),
    )


@router.get(
    "/metrics",
    summary="Metrics for Prometheus",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def metrics() -> Response:
    """All workers together."""
    return Response(render(), media_type=CONTENT_TYPE)
