"""Reading what a caller sends: a form with a recording in it, or a JSON object.

Uploads beyond a megabyte lie on disk in unnamed files, which vanish with the request whatever
becomes of it.
"""

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeVar, cast

from pydantic import BaseModel, ValidationError
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from veravox.errors import InvalidRequest, MissingFile, PayloadTooLarge
from veravox.http.exchange import Exchange
from veravox.http.faults import describe
from veravox.http.services import Services

FILE_FIELD = "file"
MOST_FILES = 10
MOST_FIELDS = 100
FIELD_BYTES = 65_536
DEFAULT_NAME = "recording"
LONGEST_NAME = 255

Fields = TypeVar("Fields", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Submission:
    """The text fields that were sent, and the recording if there was one."""

    fields: Mapping[str, Any]
    media: BinaryIO | None


@asynccontextmanager
async def submission(request: Request, file_field: str = FILE_FIELD) -> AsyncGenerator[Submission]:
    """What a request carries, its recording in `file_field`; its files are gone after the block.

    Raises InvalidRequest when the body is malformed or of another kind, PayloadTooLarge when the
    recording is larger than its path allows.
    """
    kind = parse_options_header(request.headers.get("content-type", ""))[0]
    if kind == b"application/json":
        yield Submission(_json_object(await request.body()), None)
        return
    if kind not in (b"multipart/form-data", b"application/x-www-form-urlencoded"):
        raise missing_file(file_field)
    async with request.form(
        max_files=MOST_FILES, max_fields=MOST_FIELDS, max_part_size=FIELD_BYTES
    ) as form:
        yield _from_form(form, request, file_field)


async def json_fields(request: Request) -> Mapping[str, Any]:
    """The JSON object that a request carries. Raises InvalidRequest for any other body."""
    return _json_object(await request.body())


@asynccontextmanager
async def recording(
    request: Request, sent: Submission, presigned_url: str | None
) -> AsyncGenerator[BinaryIO]:
    """The recording that was sent or that `presigned_url` leads to.

    Raises MissingFile without either, InvalidRequest for a URL that is not fetched.
    """
    if sent.media is not None:
        yield sent.media
        return
    if presigned_url is None:
        raise missing_file(FILE_FIELD)
    services = Services.of(request.scope)
    if services.fetcher is None:
        raise InvalidRequest("presigned_url is turned off on this server; send the file itself")
    async with services.fetcher.fetch(presigned_url, upload_limit(request)) as media:
        yield media


def sent_name(request: Request) -> str | None:
    """What the caller named the upload, None where there was none or it had no name."""
    name = Exchange.of(request.scope).filename
    return None if name is None else plain_name(name)


def plain_name(name: str) -> str:
    """The last part of a recording's path, without what cannot be printed."""
    last = name.replace("\\", "/").rpartition("/")[2]
    plain = "".join(letter for letter in last if letter.isprintable())
    return plain[-LONGEST_NAME:] or DEFAULT_NAME


def missing_file(file_field: str) -> MissingFile:
    """The error for a request without a recording."""
    return MissingFile(f"No file was sent; send multipart/form-data with a field '{file_field}'")


def upload_limit(request: Request) -> int:
    """Bytes of the largest recording that the request's path takes."""
    limits = Exchange.of(request.scope).dialect.upload_limits
    return limits[request.scope["path"]](Services.of(request.scope).settings)


def validated(model: type[Fields], fields: Mapping[str, Any]) -> Fields:
    """`fields` as `model`. Raises InvalidRequest, naming every field that does not fit."""
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False)
        raise InvalidRequest("; ".join(describe(problem) for problem in problems)) from None


def _from_form(form: FormData, request: Request, file_field: str) -> Submission:
    uploads = {name: part for name, part in form.items() if isinstance(part, UploadFile)}
    fields = {name: part for name, part in form.items() if isinstance(part, str) and part}
    upload = uploads.get(file_field)
    if upload is None:
        return Submission(fields, None)
    limit = upload_limit(request)
    size = upload.size or 0
    exchange = Exchange.of(request.scope)
    exchange.filename = upload.filename
    exchange.body_bytes = size
    if size > limit:
        raise PayloadTooLarge(limit)
    if size == 0:
        raise MissingFile("The file is empty")
    return Submission(fields, upload.file)


def _json_object(body: bytes) -> Mapping[str, Any]:
    try:
        content = json.loads(body)
    except ValueError:
        raise InvalidRequest("The body is not valid JSON") from None
    if not isinstance(content, dict):
        raise InvalidRequest("The body must be a JSON object")
    return cast(dict[str, Any], content)
