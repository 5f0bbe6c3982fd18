"""What all gRPC methods share: who calls, how a stream is read and written, how errors are told."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Generic, TypeVar, cast

import structlog
from grpc import StatusCode, aio

from veravox.accounts.keys import presented_key
from veravox.errors import (
    Conflict,
    Forbidden,
    InvalidModel,
    InvalidRequest,
    MediaError,
    NotFound,
    PayloadTooLarge,
    RateLimited,
    StreamIdle,
    StreamTooLong,
    Unauthorized,
    Unavailable,
    VeravoxError,
)
from veravox.streaming.conversation import StreamDialect, converse
from veravox.streaming.desk import Desk
from veravox.streams import Caller

PROTOCOL = "grpc"
INTERNAL = "Internal server error"

STATUS_OF: Mapping[type[VeravoxError], StatusCode] = {
    InvalidRequest: StatusCode.INVALID_ARGUMENT,
    MediaError: StatusCode.INVALID_ARGUMENT,
    Unauthorized: StatusCode.UNAUTHENTICATED,
    Forbidden: StatusCode.PERMISSION_DENIED,
    NotFound: StatusCode.NOT_FOUND,
    Conflict: StatusCode.ALREADY_EXISTS,
    PayloadTooLarge: StatusCode.RESOURCE_EXHAUSTED,
    RateLimited: StatusCode.RESOURCE_EXHAUSTED,
    StreamTooLong: StatusCode.RESOURCE_EXHAUSTED,
    StreamIdle: StatusCode.DEADLINE_EXCEEDED,
    Unavailable: StatusCode.UNAVAILABLE,
}

Context = aio.ServicerContext[Any, Any]
Request = TypeVar("Request")
Response = TypeVar("Response")
_HALF_CLOSE: object = aio.EOF  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType]
_log = structlog.get_logger(__name__)


class GrpcLine(Generic[Request, Response]):
    """A bidirectional call as a line."""

    def __init__(self, context: Context) -> None:
        """`context` is that of the call."""
        self._context = context

    async def receive(self) -> Request | None:
        """The next request; None after the client's half-close."""
        request = await self._context.read()
        return None if request is _HALF_CLOSE else cast(Request, request)

    async def send(self, message: Response) -> None:
        """Write a response; waits while the client's window is full."""
        await self._context.write(message)


async def converse_over(context: Context, desk: Desk, dialect: StreamDialect[Any, Any]) -> None:
    """Hold the conversation of a bidirectional method."""
    async with errors_told(context), admitted(context, desk) as caller:
        await converse(GrpcLine[Any, Any](context), dialect, desk.streams, caller, PROTOCOL)


@asynccontextmanager
async def admitted(context: Context, desk: Desk) -> AsyncGenerator[Caller]:
    """The caller while the block runs. Raises as Desk.admitted."""
    sent = context.invocation_metadata() or ()
    metadata = {name: value for name, value in sent if isinstance(value, str)}
    async with desk.admitted(presented_key(metadata)) as caller:
        yield caller


@asynccontextmanager
async def errors_told(context: Context) -> AsyncGenerator[None]:
    """Ends the call with the status that stands for an error of the block."""
    try:
        yield
        return
    except Exception as error:
        status, message = _told(error)
        if status is StatusCode.INTERNAL:
            _log.error("a gRPC call failed", exc_info=error)
        retry = error.retry_after if isinstance(error, RateLimited | Unavailable) else None
    trailing = () if retry is None else (("retry-after", str(retry)),)
    await context.abort(status, message, trailing)


def _told(error: Exception) -> tuple[StatusCode, str]:
    if not isinstance(error, VeravoxError) or isinstance(error, InvalidModel):
        return StatusCode.INTERNAL, INTERNAL
    statuses = (STATUS_OF[kind] for kind in type(error).__mro__ if kind in STATUS_OF)
    status = next(statuses, StatusCode.INTERNAL)
    return status, INTERNAL if status is StatusCode.INTERNAL else error.message
