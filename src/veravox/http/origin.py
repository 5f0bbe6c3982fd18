"""Who a request comes from, as the chain of custody keeps it."""

from starlette.requests import Request

from veravox.http.exchange import Exchange
from veravox.predictions import Origin


def origin_of(request: Request) -> Origin:
    """The origin of an authenticated request."""
    return Origin(call_of(request), Exchange.of(request.scope).api_key.id)


def call_of(request: Request) -> str:
    """What was called: method and path."""
    return f"{request.method} {request.scope['path']}"
