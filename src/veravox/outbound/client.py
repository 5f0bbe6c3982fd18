"""Requests to URLs that a caller names, without being led astray.

Only https, only hosts on the operator's list, only allowed addresses. Each connection resolves its
host once, checks every address found and connects to one of those, so that a second look-up cannot
give another answer (DNS rebinding). Redirects are followed by hand through the same checks.
"""

import ssl
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Collection,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager
from typing import Any, cast
from urllib.parse import SplitResult, urljoin, urlsplit

import anyio
import httpcore

from veravox.errors import InvalidRequest
from veravox.outbound.addresses import is_public

MOST_REDIRECTS = 3
TIMEOUTS = {"connect": 10.0, "read": 20.0, "write": 10.0, "pool": 10.0}

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


async def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of `host`. Raises OSError."""
    found = await anyio.getaddrinfo(host, port, proto=6)
    return [str(address[0]) for *_, address in found]


class OutboundClient:
    """Sends requests to the hosts of an allow-list."""

    def __init__(
        self,
        parameter: str,
        hosts: Iterable[str],
        *,
        resolve: Resolve = resolve,
        is_allowed: Callable[[str], bool] = is_public,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        """`hosts` are names, ``*.name`` for all names below one, or ``*`` for all.

        `resolve` gives the addresses of a host; those that `is_allowed` refuses are not used.
        Errors speak of the URL as `parameter`.
        """
        self._parameter = parameter
        self._hosts = tuple(host.lower() for host in hosts)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=ssl_context or ssl.create_default_context(),
            network_backend=_CheckedNetwork(parameter, resolve, is_allowed),
            max_keepalive_connections=0,
        )

    def check(self, url: str) -> None:
        """Raises InvalidRequest unless `url` is https and of an allowed host."""
        parts = self._split(url)
        if parts.scheme != "https" or parts.username is not None or parts.password is not None:
            raise self._refusal("must be an https URL without credentials")
        host = (parts.hostname or "").rstrip(".").lower()
        if not any(_covers(pattern, host) for pattern in self._hosts):
            raise self._refusal("points at a host that is not allowed")

    @asynccontextmanager
    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        follow: Collection[int],
        content: bytes | None = None,
    ) -> AsyncGenerator[httpcore.Response]:
        """The answer, its body not yet read; redirects whose status is in `follow` are followed.

        Raises InvalidRequest when a URL or an address is not allowed, httpcore's NetworkError,
        ProtocolError and TimeoutException.
        """
        for _ in range(MOST_REDIRECTS + 1):
            self.check(url)
            async with self._pool.stream(
                method,
                url,
                headers=list(headers.items()),
                content=content,
                extensions={"timeout": TIMEOUTS},
            ) as response:
                if response.status not in follow:
                    yield response
                    return
                url = urljoin(url, header(response, b"location"))
        raise self._refusal("redirects too often")

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.aclose()

    def _split(self, url: str) -> SplitResult:
        try:
            url.encode("ascii")
            parts = urlsplit(url)
            _ = parts.port
        except ValueError:
            raise self._refusal("is not a URL") from None
        return parts

    def _refusal(self, reason: str) -> InvalidRequest:
        return InvalidRequest(f"{self._parameter} {reason}")


class _CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Connects to nothing but allowed addresses."""

    def __init__(self, parameter: str, resolve: Resolve, is_allowed: Callable[[str], bool]) -> None:
        self._parameter = parameter
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
            raise InvalidRequest(f"the host of {self._parameter} is unknown") from None
        if not addresses or not all(self._is_allowed(address) for address in addresses):
            raise InvalidRequest(f"{self._parameter} points at an address that is not allowed")
        return await self._network.connect_tcp(
            addresses[0], port, timeout, local_address, socket_options
        )


def header(response: httpcore.Response, name: bytes) -> str:
    """The first header of this name, in lower case; empty without one."""
    values = (value.decode("latin-1") for key, value in response.headers if key.lower() == name)
    return next(values, "")


def _covers(pattern: str, host: str) -> bool:
    if pattern == "*":
        return bool(host)
    if pattern.startswith("*."):
        return host.endswith(pattern[1:]) and len(host) > len(pattern) - 1
    return host == pattern
