"""Fetching a recording from a URL that a caller names, without being led astray.

Only https, only hosts on the operator's list, only public addresses. Each connection resolves its
host once, checks every address found and connects to one of those, so that a second look-up cannot
give another answer (DNS rebinding). Redirects are followed by hand through the same checks.
"""

import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, cast
from urllib.parse import SplitResult, urljoin, urlsplit

import anyio
import httpcore
from anyio import to_thread

from veravox.errors import InvalidRequest, PayloadTooLarge
from veravox.uploads.addresses import is_public

SPOOL_BYTES = 1_048_576
MOST_REDIRECTS = 3
TOTAL_SECONDS = 120.0
TIMEOUTS = {"connect": 10.0, "read": 20.0, "write": 10.0, "pool": 10.0}

_REDIRECTS = (301, 302, 303, 307, 308)

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


async def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of `host`. Raises OSError."""
    found = await anyio.getaddrinfo(host, port, proto=6)
    return [str(address[0]) for *_, address in found]


class RemoteFetcher:
    """Fetches recordings from the hosts of an allow-list."""

    def __init__(
        self,
        hosts: Iterable[str],
        *,
        resolve: Resolve = resolve,
        is_allowed: Callable[[str], bool] = is_public,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        """`hosts` are names, or ``*.name`` for all names below one.

        `resolve` gives the addresses of a host; those that `is_allowed` refuses are not used.
        """
        self._hosts = tuple(host.lower() for host in hosts)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=ssl_context or ssl.create_default_context(),
            network_backend=_CheckedNetwork(resolve, is_allowed),
            max_keepalive_connections=0,
        )

    @asynccontextmanager
    async def fetch(self, url: str, limit: int) -> AsyncGenerator[BinaryIO]:
        """What `url` leads to, at most `limit` bytes, as a seekable file at its start.

        Raises InvalidRequest when the URL is not allowed or gives no file, PayloadTooLarge.
        """
        with SpooledTemporaryFile(max_size=SPOOL_BYTES) as spool:
            media = cast(BinaryIO, spool)
            try:
                with anyio.fail_after(TOTAL_SECONDS):
                    await self._download(url, media, limit)
            except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException):
                raise InvalidRequest("presigned_url could not be fetched") from None
            except TimeoutError:
                raise InvalidRequest("presigned_url took too long to fetch") from None
            await to_thread.run_sync(media.seek, 0)
            yield media

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.aclose()

    async def _download(self, url: str, media: BinaryIO, limit: int) -> None:
        for _ in range(MOST_REDIRECTS + 1):
            self._check(url)
            async with self._pool.stream(
                "GET", url, headers={"Accept": "*/*"}, extensions={"timeout": TIMEOUTS}
            ) as response:
                if response.status not in _REDIRECTS:
                    await _save(response, media, limit)
                    return
                url = urljoin(url, _header(response, b"location"))
        raise InvalidRequest("presigned_url redirects too often")

    def _check(self, url: str) -> None:
        """Raises InvalidRequest unless `url` is https and of an allowed host."""
        parts = _split(url)
        if parts.scheme != "https" or parts.username is not None or parts.password is not None:
            raise InvalidRequest("presigned_url must be an https URL without credentials")
        host = (parts.hostname or "").rstrip(".").lower()
        if not any(_covers(pattern, host) for pattern in self._hosts):
            raise InvalidRequest("presigned_url points at a host that is not allowed")


class _CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Connects to nothing but allowed addresses."""

    def __init__(self, resolve: Resolve, is_allowed: Callable[[str], bool]) -> None:
        self._resolve = resolve
        self._is_allowed = is_allowed
        self._network = cast(httpcore.AsyncNetworkBackend, httpcore.AnyIOBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection to one of the addresses of `host`, all of which must be allowed."""
        try:
            addresses = await self._resolve(host, port)
        except OSError:
            raise InvalidRequest("the host of presigned_url is unknown") from None
        if not addresses or not all(self._is_allowed(address) for address in addresses):
            raise InvalidRequest("presigned_url points at an address that is not allowed")
        return await self._network.connect_tcp(
            addresses[0], port, timeout, local_address, socket_options
        )


async def _save(response: httpcore.Response, media: BinaryIO, limit: int) -> None:
    if response.status != 200:
        raise InvalidRequest(f"presigned_url answered with status {response.status}")
    declared = _header(response, b"content-length")
    if declared.isdecimal() and int(declared) > limit:
        raise PayloadTooLarge(limit)
    received = 0
    async for block in response.aiter_stream():
        received += len(block)
        if received > limit:
            raise PayloadTooLarge(limit)
        await to_thread.run_sync(media.write, block)


def _header(response: httpcore.Response, name: bytes) -> str:
    values = (value.decode("latin-1") for key, value in response.headers if key.lower() == name)
    return next(values, "")


def _split(url: str) -> SplitResult:
    try:
        url.encode("ascii")
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise InvalidRequest("presigned_url is not a URL") from None
    return parts


def _covers(pattern: str, host: str) -> bool:
    if pattern.startswith("*."):
        return host.endswith(pattern[1:]) and len(host) > len(pattern) - 1
    return host == pattern
