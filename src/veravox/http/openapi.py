"""What `/openapi.json` says beyond what the framework derives from types."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from veravox import __version__

KEY_SECURITY: list[dict[str, list[str]]] = [{"ApiKey": []}, {"Bearer": []}]

DESCRIPTION = """\
Detection of synthetic speech. Two vendors' APIs are answered, each under its own paths; one key
serves both. Send it as `X-Api-Key`.
"""

_SECURITY_SCHEMES = {
    "ApiKey": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
    "Bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "The same key as a bearer token.",
    },
}
_HEADERS: dict[str, dict[str, Any]] = {
    "X-Request-Id": {
        "description": "Names this request; one that the client sent is kept.",
        "schema": {"type": "string"},
    },
}
_RATE_HEADERS: dict[str, dict[str, Any]] = {
    "X-RateLimit-Limit": {"description": "Requests a minute.", "schema": {"type": "integer"}},
    "X-RateLimit-Remaining": {"description": "Requests left.", "schema": {"type": "integer"}},
    "X-RateLimit-Reset": {
        "description": "Unix seconds at which one more request becomes possible.",
        "schema": {"type": "integer"},
    },
}
_RETRY_AFTER: dict[str, dict[str, Any]] = {
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}
}
_RETRIABLE = (429, 503)

Responses = dict[int | str, dict[str, Any]]


def upload_body(
    fields: type[BaseModel], *, url_instead: bool, file_field: str = "file"
) -> dict[str, Any]:
    """The request body of a call that takes a recording in `file_field`, and `fields`.

    With `url_instead` a JSON body with `presigned_url` is described as well.
    """
    schema = fields.model_json_schema()
    properties: dict[str, Any] = schema.get("properties", {})
    file = {"type": "string", "format": "binary", "description": "The recording."}
    form = {
        "type": "object",
        "required": [file_field, *schema.get("required", ())],
        "properties": {
            file_field: file,
            **{name: value for name, value in properties.items() if name != "presigned_url"},
        },
    }
    content: dict[str, Any] = {"multipart/form-data": {"schema": form}}
    if url_instead:
        content["application/json"] = {
            "schema": {"type": "object", "required": ["presigned_url"], "properties": properties}
        }
    return {"requestBody": {"required": True, "content": content}}


def answers(
    success: Mapping[str, Any], body: type[BaseModel], errors: Mapping[int, tuple[str, object]]
) -> Responses:
    """The documented answers: an example of success, and for each error status a sentence and an
    example of `body`."""
    documented: Responses = {
        200: {
            "headers": _HEADERS | _RATE_HEADERS,
            "content": {"application/json": {"example": success}},
        }
    }
    for status, (description, example) in errors.items():
        documented[status] = {
            "model": body,
            "description": description,
            "headers": _HEADERS | (_RETRY_AFTER if status in _RETRIABLE else {}),
            "content": {"application/json": {"example": example}},
        }
    return documented


def describe_api(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of `app`, made once."""
    if app.openapi_schema is None:
        document = get_openapi(
            title="Veravox", version=__version__, description=DESCRIPTION, routes=app.routes
        )
        document.setdefault("components", {})["securitySchemes"] = _SECURITY_SCHEMES
        _drop_framework_errors(document)
        app.openapi_schema = document
    return app.openapi_schema


def _drop_framework_errors(document: dict[str, Any]) -> None:
    """Remove the validation errors that the framework would send and we translate."""
    for path in document["paths"].values():
        for operation in path.values():
            if "HTTPValidationError" in str(operation["responses"].get("422")):
                del operation["responses"]["422"]
    schemas = document["components"].get("schemas", {})
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
