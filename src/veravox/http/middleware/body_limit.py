"""Counting a request body while it comes in."""

import re

import anyio
from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope

from veravox.errors import PayloadTooLarge
from veravox.http.exchange import Exchange
from veravox.http.faults import UploadTimeout

FRAMING_BYTES = 65_536
"""What multipart headers and other fields may add to the size of the uploaded file."""

IDLE_SECONDS = 60.0
"""How long a client may pause in the middle of its body."""

PEEK_SECONDS = 0.5
HEAD_BYTES = 4096

_DISPOSITION = re.compile(rb"content-disposition:\s*([^\r\n]*filename[^\r\n]*)", re.IGNORECASE)


class LimitedBody:
    """The body of one request, of at most `limit` bytes of upload and their framing."""

    def __init__(self, scope: Scope, receive: Receive, limit: int) -> None:
        """`receive` gives the parts of the body."""
        self._receive = receive
        self._limit = limit
        self._exchange = Exchange.of(scope)
        self._headers = Headers(scope=scope)
        self._head = b""
        self._received = 0
        self._open = True

    async def refuse_if_declared_too_large(self) -> None:
        """Raises PayloadTooLarge when the client says that it will send too much."""
        declared = self._headers.get("content-length", "")
        if not declared.isdecimal() or int(declared) <= self._limit + FRAMING_BYTES:
            return
        if "expect" not in self._headers:
            await self._peek()
        self._exchange.body_bytes = int(declared)
        raise PayloadTooLarge(self._limit)

    async def receive(self) -> Message:
        """The next part. Raises PayloadTooLarge with the first byte too many, UploadTimeout."""
        if not self._open:
            return await self._receive()
        try:
            with anyio.fail_after(IDLE_SECONDS):
                message = await self._receive()
        except TimeoutError:
            raise UploadTimeout("The request body stopped arriving") from None
        self._open = message["type"] == "http.request" and message.get("more_body", False)
        self._count(message.get("body", b""))
        if self._received > self._limit + FRAMING_BYTES:
            raise PayloadTooLarge(self._limit)
        return message

    async def _peek(self) -> None:
        """Learn the upload's name from the first part, if that comes at once."""
        with anyio.move_on_after(PEEK_SECONDS):
            message = await self._receive()
            self._count(message.get("body", b""))

    def _count(self, body: bytes) -> None:
        self._received += len(body)
        self._exchange.body_bytes = self._received
        if self._exchange.filename is None and len(self._head) < HEAD_BYTES:
            self._head += body[:HEAD_BYTES]
            self._exchange.filename = _filename(self._head)


def _filename(head: bytes) -> str | None:
    """The name of the first file in the beginning of a multipart body."""
    found = _DISPOSITION.search(head)
    if found is None:
        return None
    name = parse_options_header(found.group(1))[1].get(b"filename")
    return name.decode(errors="replace") if name else None
