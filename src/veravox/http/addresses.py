"""Addresses of this server, as its clients write them."""

from urllib.parse import urljoin

from starlette.requests import Request

from veravox.http.services import Services


def absolute(request: Request, url: str) -> str:
    """`url`, which may be a path on this server, as an address that the caller can use."""
    base = Services.of(request.scope).settings.public_url or str(request.base_url)
    return urljoin(base, url)
