"""Who a request comes from, as the chain of custody keeps it."""

from starlette.requests import Request

from veravox.http.exchange import Exchange
from veravox.predictions import Origin

LONGEST_NAME = 255


def origin_of(request: Request, filename: str | None = None) -> Origin:
    """The origin of an authenticated request; without `filename`, with the upload's own name."""
    exchange = Exchange.of(request.scope)
    name = exchange.filename if filename is None else filename
    return Origin(
        key_id=exchange.api_key.id,
        call=f"{request.method} {request.scope['path']}",
        filename=plain_name(name or "") or None,
    )


def plain_name(name: str) -> str:
    """The last part of a path, without what cannot be printed."""
    last = name.replace("\\", "/").rpartition("/")[2]
    plain = "".join(letter for letter in last if letter.isprintable())
    return plain[-LONGEST_NAME:]
