"""Fetching from a real https server on this machine."""

import ssl
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import BinaryIO

import pytest
import trustme

from veravox.errors import InvalidRequest, PayloadTooLarge
from veravox.outbound.addresses import is_public
from veravox.uploads.remote import RemoteFetcher

HOST = "media.example"
LIMIT = 10_000
FILES = {"/small": b"sound" * 100, "/exact": bytes(LIMIT), "/large": bytes(LIMIT + 1)}
REDIRECTS = {
    "/moved": "/small",
    "/to-http": "http://media.example/small",
    "/to-stranger": "https://other.example/small",
    "/round": "/round",
}

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Handler(BaseHTTPRequestHandler):
    """Files, redirects and refusals."""

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        if path in REDIRECTS:
            self.send_response(302)
            self.send_header("Location", REDIRECTS[path])
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif path in FILES:
            self.send_response(200)
            if query != "undeclared":
                self.send_header("Content-Length", str(len(FILES[path])))
            self.end_headers()
            self.wfile.write(FILES[path])
        else:
            self.send_error(403)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def port(authority: trustme.CA) -> Iterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST, "other.example").configure_cert(context)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


async def to_this_machine(_host: str, _port: int) -> Sequence[str]:
    return ["127.0.0.1"]


@pytest.fixture
async def fetcher(authority: trustme.CA) -> AsyncIterator[RemoteFetcher]:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    fetcher = RemoteFetcher(
        [HOST],
        resolve=to_this_machine,
        is_allowed=lambda address: address == "127.0.0.1",
        ssl_context=context,
    )
    yield fetcher
    await fetcher.close()


async def fetched(fetcher: RemoteFetcher, url: str) -> bytes:
    async with fetcher.fetch(url, LIMIT) as media:
        return _read(media)


def _read(media: BinaryIO) -> bytes:
    return media.read()


@pytest.mark.parametrize("path", ["/small", "/exact", "/moved", "/small?undeclared"])
async def test_a_file_is_fetched_whole(fetcher: RemoteFetcher, port: int, path: str) -> None:
    expected = FILES["/exact" if path == "/exact" else "/small"]
    assert await fetched(fetcher, f"https://{HOST}:{port}{path}") == expected


@pytest.mark.parametrize("path", ["/large", "/large?undeclared"])
async def test_a_file_above_the_limit_is_too_large(
    fetcher: RemoteFetcher, port: int, path: str
) -> None:
    with pytest.raises(PayloadTooLarge):
        await fetched(fetcher, f"https://{HOST}:{port}{path}")


@pytest.mark.parametrize("path", ["/to-http", "/to-stranger", "/round", "/nothing"])
async def test_a_redirect_passes_the_same_checks(
    fetcher: RemoteFetcher, port: int, path: str
) -> None:
    with pytest.raises(InvalidRequest):
        await fetched(fetcher, f"https://{HOST}:{port}{path}")


@pytest.mark.parametrize(
    "url",
    [
        "http://media.example/a.wav",
        "file:///etc/passwd",
        "https://other.example/a.wav",
        "https://user:password@media.example/a.wav",
        "https://media.example.evil.example/a.wav",
        "https://evil.example#media.example",
        "https://127.0.0.1/a.wav",
        "https://[::1]/a.wav",
        "https://mediä.example/a.wav",
        "https://media.example:port/a.wav",
        "media.example/a.wav",
        "https://[broken/a.wav",
        "",
    ],
)
async def test_a_url_that_is_not_allowed_is_never_fetched(fetcher: RemoteFetcher, url: str) -> None:
    with pytest.raises(InvalidRequest, match="presigned_url"):
        await fetched(fetcher, url)


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], []])
async def test_a_name_that_leads_inside_is_refused(addresses: Sequence[str]) -> None:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return addresses

    fetcher = RemoteFetcher([HOST], resolve=resolve, is_allowed=is_public)
    with pytest.raises(InvalidRequest, match="address that is not allowed"):
        await fetched(fetcher, f"https://{HOST}/a.wav")


async def test_the_name_is_resolved_once_for_a_connection(authority: trustme.CA, port: int) -> None:
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return next(answers)

    context = ssl.create_default_context()
    authority.configure_trust(context)
    fetcher = RemoteFetcher(
        [HOST],
        resolve=resolve,
        is_allowed=lambda address: address == "127.0.0.1",
        ssl_context=context,
    )
    assert await fetched(fetcher, f"https://{HOST}:{port}/small") == FILES["/small"]
    assert next(answers) == ["10.0.0.1"]
    await fetcher.close()


async def test_an_untrusted_certificate_is_refused(port: int) -> None:
    fetcher = RemoteFetcher([HOST], resolve=to_this_machine, is_allowed=lambda _: True)
    with pytest.raises(InvalidRequest, match="could not be fetched"):
        await fetched(fetcher, f"https://{HOST}:{port}/small")


@pytest.mark.parametrize(
    ("pattern", "host", "allowed"),
    [
        ("*.example.com", "a.example.com", True),
        ("*.example.com", "a.b.example.com", True),
        ("*.example.com", "example.com", False),
        ("*.example.com", "badexample.com", False),
        ("example.com", "EXAMPLE.com.", True),
        ("example.com", "a.example.com", False),
    ],
)
async def test_a_star_stands_for_names_below(pattern: str, host: str, allowed: bool) -> None:
    async def nowhere(_host: str, _port: int) -> Sequence[str]:
        raise OSError

    fetcher = RemoteFetcher([pattern], resolve=nowhere)
    expected = "unknown" if allowed else "host that is not allowed"
    with pytest.raises(InvalidRequest, match=expected):
        await fetched(fetcher, f"https://{host}/a.wav")
