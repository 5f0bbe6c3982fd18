"""Aurigin's API, version 1: signed reports on predictions, ours beyond the vendor's."""

import json
from importlib.resources import files
from typing import Any

from fastapi import APIRouter, Request, Response

from veravox.accounts import Scope
from veravox.http.dialects.aurigin_v1 import tenant_of
from veravox.http.openapi import KEY_SECURITY, answers
from veravox.http.problems import ProblemBody, documented
from veravox.http.services import Services
from veravox.reports import SignedReport

PDF = "application/pdf"

_EXAMPLE = json.loads(files("veravox.reports").joinpath("example.json").read_text("utf-8"))
_ERRORS = {
    401: ("The key is missing, unknown, revoked or expired.", "Invalid or inactive API key"),
    403: ("The key lacks the scope.", "This API key lacks the scope 'read'"),
    404: ("There is no such prediction.", "No prediction has the id 'call-17'"),
    409: ("There is no result yet.", "The prediction 'call-17' has no result: it is queued"),
    429: ("A limit of the plan is reached.", "Rate limit exceeded: 10/10 per minute"),
    500: ("A bug.", "Internal server error"),
}
_NO_PDF = {503: ("Saturated, or set up without PDFs.", "All analysers are busy; try again shortly")}


def _pdf_answers() -> dict[int | str, dict[str, Any]]:
    documented_answers = answers({}, ProblemBody, documented(_ERRORS | _NO_PDF))
    schema = {"type": "string", "format": "binary"}
    documented_answers[200]["content"] = {PDF: {"schema": schema}}
    return documented_answers


router = APIRouter(tags=["Aurigin v1"])


@router.get(
    "/v1/predictions/{prediction_id}/report.json",
    summary="Report on a prediction, as signed JSON",
    response_model=SignedReport,
    responses=answers(_EXAMPLE, ProblemBody, documented(_ERRORS)),
    openapi_extra={"security": KEY_SECURITY},
)
async def report_json(request: Request, prediction_id: str) -> Response:
    """The same prediction gives the same bytes. `veravox verify-report` checks them offline."""
    tenant_id = tenant_of(request, Scope.READ)
    content = await Services.of(request.scope).reports.json(tenant_id, prediction_id)
    return report_file(content, "application/json", f"{prediction_id}.json")


@router.get(
    "/v1/predictions/{prediction_id}/report.pdf",
    summary="Report on a prediction, as a signed PDF",
    response_class=Response,
    responses=_pdf_answers(),
    openapi_extra={"security": KEY_SECURITY},
)
async def report_pdf(request: Request, prediction_id: str) -> Response:
    """An accessible PDF/A with the signed JSON inside, signed as a whole."""
    tenant_id = tenant_of(request, Scope.READ)
    content = await Services.of(request.scope).reports.pdf(tenant_id, prediction_id)
    return report_file(content, PDF, f"{prediction_id}.pdf")


def report_file(content: bytes, media_type: str, name: str) -> Response:
    """A report as a download."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private"}
    return Response(content, media_type=media_type, headers=headers)
