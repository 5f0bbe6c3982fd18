"""Fetching a recording from a URL that a caller names."""

import ssl
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

import anyio
import httpcore
from anyio import to_thread

from veravox.errors import InvalidRequest, PayloadTooLarge
from veravox.outbound import OutboundClient, Resolve, header, is_public, resolve

SPOOL_BYTES = 1_048_576
TOTAL_SECONDS = 120.0

_REDIRECTS = (301, 302, 303, 307, 308)


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
        """The arguments are those of OutboundClient."""
        self._client = OutboundClient(
            "presigned_url",
            hosts,
            resolve=resolve,
            is_allowed=is_allowed,
            ssl_context=ssl_context,
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
        await self._client.close()

    async def _download(self, url: str, media: BinaryIO, limit: int) -> None:
        async with self._client.request(
            "GET", url, headers={"Accept": "*/*"}, follow=_REDIRECTS
        ) as response:
            await _save(response, media, limit)


async def _save(response: httpcore.Response, media: BinaryIO, limit: int) -> None:
    if response.status != 200:
        raise InvalidRequest(f"presigned_url answered with status {response.status}")
    declared = header(response, b"content-length")
    if declared.isdecimal() and int(declared) > limit:
        raise PayloadTooLarge(limit)
    received = 0
    async for block in response.aiter_stream():
        received += len(block)
        if received > limit:
            raise PayloadTooLarge(limit)
        await to_thread.run_sync(media.write, block)
