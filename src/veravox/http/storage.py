"""Uploads and downloads by signed URLs, where this server itself is the storage."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import FileResponse

from veravox.errors import Forbidden, InvalidRequest, NotFound
from veravox.http.services import Services
from veravox.storage import LocalStorage
from veravox.storage.signing import STORAGE_PATH, Permission

Key = Annotated[str, Path(pattern="^[a-z0-9_]{1,64}$", description="The recording's key.")]

_REFUSALS: dict[int | str, dict[str, str]] = {
    400: {"description": "The upload says no length, or the address is none of ours."},
    403: {"description": "The URL was altered, has expired, or allows another length or type."},
    404: {"description": "There is no such recording."},
    409: {"description": "The recording was uploaded before, or its time is over."},
    413: {"description": "The recording is too large."},
    503: {"description": "There is no room for the recording."},
}

router = APIRouter(tags=["Storage"])


@router.put(
    STORAGE_PATH + "{key}",
    summary="Upload a recording",
    response_class=Response,
    responses=_REFUSALS,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string"}}},
        }
    },
)
async def upload(request: Request, key: Key) -> Response:
    """For URLs that `POST /v1/file` gave; they need no key. The arrival queues the analysis."""
    services = Services.of(request.scope)
    storage = _local(services)
    permission = storage.verify("PUT", key, request.query_params)
    limit = _agreed_length(permission, request.headers, services.files.terms.largest)
    file = await services.files.awaited(key)
    await storage.receive(permission, request.stream(), limit)
    if not permission.part:
        await services.files.look_for(file)
    return Response(status_code=200)


@router.get(
    STORAGE_PATH + "{key}",
    summary="Download a recording",
    response_class=Response,
    responses={status: _REFUSALS[status] for status in (400, 403, 404)},
)
async def download(request: Request, key: Key) -> Response:
    """For URLs that `GET /v1/file` gave; they need no key."""
    storage = _local(Services.of(request.scope))
    storage.verify("GET", key, request.query_params)
    return FileResponse(
        storage.path(key),
        media_type="application/octet-stream",
        content_disposition_type="attachment",
        filename=key,
    )


def _local(services: Services) -> LocalStorage:
    if not isinstance(services.storage, LocalStorage):
        raise NotFound("No such path")
    return services.storage


def _agreed_length(permission: Permission, headers: Mapping[str, str], largest: int) -> int:
    """The most bytes to receive. Raises InvalidRequest, and Forbidden for another length or type.

    The server that reads the request sees to it that as much comes as was declared.
    """
    declared = headers.get("content-length", "")
    if not declared.isdecimal():
        raise InvalidRequest("The upload must say its length")
    if permission.size is not None and int(declared) != permission.size:
        raise Forbidden(f"The URL is for exactly {permission.size} bytes")
    kind = headers.get("content-type")
    if permission.content_type is not None and kind != permission.content_type:
        raise Forbidden(f"The URL is for the type {permission.content_type}")
    return largest if permission.size is None else permission.size
