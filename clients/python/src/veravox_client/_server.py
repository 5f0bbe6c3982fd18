"""A server and the requests to it: the only place that knows the key."""

from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import quote

import httpx

from veravox_client._media import Body, OnUpload, Source
from veravox_client.options import Retries

USER_AGENT = "veravox-client"

Value = str | int | float | None


class Server:
    """Makes the requests to one server; `retries` says how often they are made."""

    def __init__(self, base_url: str, api_key: str, retries: Retries) -> None:
        """Raises ValueError for what can be no address or no key."""
        url = httpx.URL(base_url)
        if url.scheme not in ("http", "https") or not url.host:
            raise ValueError("base_url must begin with http:// or https:// and name a host")
        if not api_key or not all("!" <= letter <= "~" for letter in api_key):
            raise ValueError("the API key must be printable ASCII without spaces")
        self.retries = retries
        self._base = base_url.rstrip("/")
        self.headers = {
            "X-Api-Key": api_key,
            "Accept": "application/json",
            "User-Agent": USER_AGENT,
        }

    def plain(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Value] | None = None,
        json: Mapping[str, object] | None = None,
    ) -> httpx.Request:
        """A request without a recording; parameters and fields that are None are left out."""
        return httpx.Request(
            method,
            self._base + path,
            params=None if params is None else _given(params),
            json=None if json is None else _given(json),
            headers=self.headers,
        )

    def socket_url(self, path: str) -> str:
        """The address of a WebSocket."""
        return f"ws{self._base.removeprefix('http')}{path}"

    def form(
        self,
        path: str,
        fields: Mapping[str, object],
        file_field: str,
        source: Source,
        on_upload: OnUpload | None,
    ) -> httpx.Request:
        """A multipart upload; fields that are None are left out."""
        plain = httpx.Request(
            "POST",
            self._base + path,
            data=_given(fields),
            files={file_field: (source.name, source.file, "application/octet-stream")},
            headers=self.headers,
        )
        parts = cast(httpx.SyncByteStream, plain.stream)
        body = Body(lambda: iter(parts), on_upload, 0, int(plain.headers["Content-Length"]))
        return httpx.Request("POST", plain.url, headers=plain.headers, stream=body)


def put(url: str, headers: Mapping[str, str], body: Body, size: int) -> httpx.Request:
    """An upload of `size` bytes to a signed address, which must not get the key."""
    own = {
        "Host": httpx.URL(url).netloc.decode("ascii"),
        "Content-Length": str(size),
        "User-Agent": USER_AGENT,
    }
    return httpx.Request("PUT", url, headers={**headers, **own}, stream=body)


def segment(text: str) -> str:
    """`text` as one part of a path."""
    return quote(text, safe="")


def _given(values: Mapping[str, object]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
