"""Aurigin's API, version 1: recordings of any size, analysed by jobs."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import AfterValidator, BaseModel, Field

from veravox.accounts import Scope
from veravox.files import CreatedFile, FileRequest
from veravox.http.addresses import absolute
from veravox.http.dialects.aurigin_v1 import (
    AnalysisFields,
    StoredBody,
    prediction_request,
    render_stored,
    tenant_of,
)
from veravox.http.exchange import Exchange
from veravox.http.forms import json_fields, plain_name, validated
from veravox.http.openapi import KEY_SECURITY, answers
from veravox.http.origin import origin_of
from veravox.http.problems import ProblemBody, documented
from veravox.http.services import Services
from veravox.predictions import Status

Entity = Literal["analysis"]


class FileFields(AnalysisFields):
    """What is said about a recording before it is uploaded."""

    filename: Annotated[
        str,
        Field(min_length=1, max_length=1024, description="Its name.", examples=["call.wav"]),
        AfterValidator(plain_name),
    ]
    content_type: Annotated[
        str | None,
        Field(
            pattern=r"^[A-Za-z0-9!#$&^_.+-]{1,63}/[A-Za-z0-9!#$&^_.+-]{1,63}$",
            description="Its type; the upload must then have this type.",
            examples=["audio/wav"],
        ),
    ] = None
    size: Annotated[
        int | None,
        Field(ge=1, description="Its bytes; the upload must then have exactly as many."),
    ] = None
    entity: Annotated[Entity, Field(description="What it is for.")] = "analysis"
    webhook_url: Annotated[
        str | None,
        Field(
            max_length=2048,
            pattern="^https://",
            description="Address that is told of the end.",
            examples=["https://example.com/veravox"],
        ),
    ] = None


class KeyValueBody(BaseModel):
    """A recording's key and a URL for it."""

    key: str
    value: str


class PartBody(BaseModel):
    """One part of a large recording; `number` counts from 1."""

    number: int
    size: int | None
    url: str


class UploadBody(BaseModel):
    """How to upload: `method` with the body to `url` with `headers`, before `expires_at`.

    A large recording has `parts` instead of one `url`: each is uploaded by itself, in any order.
    """

    method: str
    url: str | None
    headers: dict[str, str]
    expires_at: datetime
    parts: list[PartBody]


class CreatedBody(BaseModel):
    """A prediction that awaits its recording; `upload` is null once it has come."""

    prediction_id: str
    status: Status
    url: list[KeyValueBody]
    upload: UploadBody | None


class ListBody(BaseModel):
    """Stored recordings, newest first; pass `next_cursor` as `cursor` to go on."""

    url: list[KeyValueBody]
    next_cursor: str | None


_EXPIRES = "2026-11-22T09:30:00Z"
_KEY = "analysis/pred_9b6ff057a7f7/call.wav"
_URL = "https://voice.example.com/storage/upl_5f0c?expires=1795339800&size=4410044&signature=0nBx"
_CREATED_EXAMPLE: dict[str, Any] = {
    "prediction_id": "pred_9b6ff057a7f7",
    "status": "awaiting_upload",
    "url": [{"key": _KEY, "value": _URL}],
    "upload": {
        "method": "PUT",
        "url": _URL,
        "headers": {"Content-Type": "audio/wav"},
        "expires_at": _EXPIRES,
        "parts": [],
    },
}
_LIST_EXAMPLE = {"url": [{"key": _KEY, "value": _URL}], "next_cursor": None}
_STATE_EXAMPLE = {
    "prediction_id": "pred_9b6ff057a7f7",
    "status": "processing",
    "progress": 0.42,
    "created_at": "2026-11-21T09:30:00Z",
    "device": None,
    "partial": {"seconds": 1510.0, "segments": 302, "spoofed_segments": 3},
}
_ERRORS = {
    400: ("A field is missing or wrong.", "filename: Field required"),
    401: ("The key is missing, unknown, revoked or expired.", "Invalid or inactive API key"),
    403: ("The key lacks the scope.", "This API key lacks the scope 'predict'"),
    404: ("There is no such prediction.", "No prediction has the id 'call-17'"),
    409: ("Not in this state.", "The recording of 'call-17' has not been uploaded"),
    413: ("The recording is too large.", "Request body exceeds maximum allowed size of 51200MB"),
    429: ("A limit of the plan is reached.", "Rate limit exceeded: 10/10 per minute"),
    500: ("A bug.", "Internal server error"),
    503: ("The storage does not answer.", "The storage does not answer"),
}


def _answers(example: dict[str, Any], *statuses: int) -> dict[int | str, dict[str, Any]]:
    errors = {status: _ERRORS[status] for status in (401, 403, 429, 500, 503, *statuses)}
    return answers(example, ProblemBody, documented(errors))


def _empty_answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: body for status, body in _answers({}, *statuses).items() if status != 200}


def _created_answers() -> dict[int | str, dict[str, Any]]:
    documented_answers = _answers(_CREATED_EXAMPLE, 400, 409, 413)
    return {201: documented_answers.pop(200), **documented_answers}


router = APIRouter(tags=["Aurigin v1"])


@router.post(
    "/v1/file",
    summary="Announce a recording of any size",
    status_code=201,
    response_model=CreatedBody,
    responses=_created_answers(),
    openapi_extra={
        "security": KEY_SECURITY,
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": FileFields.model_json_schema()}},
        },
    },
)
async def create_file(request: Request) -> CreatedBody:
    """Then upload it as the answer says; its arrival starts the analysis."""
    tenant_id = tenant_of(request, Scope.PREDICT)
    services = Services.of(request.scope)
    fields = validated(FileFields, await json_fields(request))
    services.analyser.models.card(fields.model)
    if fields.webhook_url is not None:
        services.webhooks.check_url(fields.webhook_url)
    wanted = FileRequest(
        prediction=prediction_request(fields, origin_of(request), fields.filename),
        name=fields.filename,
        size=fields.size,
        content_type=fields.content_type,
        webhook_url=fields.webhook_url,
    )
    plan = Exchange.of(request.scope).api_key.plan
    return created_body(await services.files.create(tenant_id, plan, wanted), request)


@router.get(
    "/v1/file",
    summary="List stored recordings",
    response_model=ListBody,
    responses=_answers(_LIST_EXAMPLE, 400),
    openapi_extra={"security": KEY_SECURITY},
)
async def list_files(
    request: Request,
    key_prefix: Annotated[str, Query(max_length=400, description="Only keys that begin so.")] = "",
    entity: Annotated[Entity, Query(description="What they are for.")] = "analysis",  # noqa: ARG001
    limit: Annotated[int, Query(ge=1, le=100, description="Most on a page.")] = 100,
    cursor: Annotated[
        str | None, Query(max_length=200, description="`next_cursor` of the page before.")
    ] = None,
) -> ListBody:
    """The key owner's recordings that are still kept, with URLs to download them from."""
    tenant_id = tenant_of(request, Scope.READ)
    files = Services.of(request.scope).files
    listed, next_cursor = await files.list(tenant_id, key_prefix, cursor, limit)
    found = [KeyValueBody(key=file.key, value=absolute(request, file.url)) for file in listed]
    return ListBody(url=found, next_cursor=next_cursor)


@router.delete(
    "/v1/file",
    summary="Delete a recording",
    status_code=204,
    responses=_empty_answers(400, 404),
    openapi_extra={"security": KEY_SECURITY},
)
async def delete_file(
    request: Request, key: Annotated[str, Query(max_length=400, description="Its key.")]
) -> Response:
    """The recording is gone, with its prediction and all work on it."""
    tenant_id = tenant_of(request, Scope.DELETE)
    await Services.of(request.scope).files.delete_key(tenant_id, key)
    return Response(status_code=204)


@router.post(
    "/v1/predictions/{prediction_id}/start",
    summary="Start an analysis",
    response_model=StoredBody,
    response_model_exclude_unset=True,
    responses=_answers(_STATE_EXAMPLE, 404, 409),
    openapi_extra={"security": KEY_SECURITY},
)
async def start_prediction(request: Request, prediction_id: str) -> StoredBody:
    """Not needed as a rule: the arrival of a recording starts it. Needed once after all parts."""
    tenant_id = tenant_of(request, Scope.PREDICT)
    return render_stored(await Services.of(request.scope).files.start(tenant_id, prediction_id))


@router.post(
    "/v1/predictions/{prediction_id}/cancel",
    summary="Cancel an analysis",
    response_model=StoredBody,
    response_model_exclude_unset=True,
    responses=_answers(_STATE_EXAMPLE, 404),
    openapi_extra={"security": KEY_SECURITY},
)
async def cancel_prediction(request: Request, prediction_id: str) -> StoredBody:
    """Its recording is deleted; a prediction that is finished stays as it is."""
    tenant_id = tenant_of(request, Scope.PREDICT)
    return render_stored(await Services.of(request.scope).files.cancel(tenant_id, prediction_id))


def created_body(created: CreatedFile, request: Request) -> CreatedBody:
    """How to upload an announced recording."""
    prediction = created.prediction
    urls = [absolute(request, part.request.url) for part in created.parts]
    if not urls:
        return CreatedBody(
            prediction_id=prediction.id, status=prediction.status, url=[], upload=None
        )
    first = created.parts[0].request
    whole = len(urls) == 1
    parts = [
        PartBody(number=part.number, size=part.size, url=url)
        for part, url in zip(created.parts, urls, strict=True)
    ]
    return CreatedBody(
        prediction_id=prediction.id,
        status=prediction.status,
        url=[KeyValueBody(key=created.key, value=url) for url in urls],
        upload=UploadBody(
            method=first.method,
            url=urls[0] if whole else None,
            headers=dict(first.headers),
            expires_at=first.expires_at,
            parts=[] if whole else parts,
        ),
    )
