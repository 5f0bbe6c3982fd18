"""Templates and the headers of pages."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

from veravox import __version__
from veravox.settings import Settings

PERMISSIONS = "microphone=(self), camera=(), geolocation=()"
REFERRER = "same-origin"
"""Without a referrer browsers do not tell the origin of forms either, by which ours are known."""


def moment(time: datetime) -> str:
    """A time (UTC) for people; scripts show it in local time."""
    return f"{time:%Y-%m-%d %H:%M} UTC"


def clock(seconds: float) -> str:
    """Seconds as m:ss, or h:mm:ss from an hour on; tenths where there are any."""
    tenths = round(seconds * 10)
    whole, rest = divmod(tenths, 10)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    text = f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
    return f"{text}.{rest}" if rest else text


def percent(share: float) -> str:
    """A share as a percentage that never claims certainty."""
    if share > 0.999:
        return "over 99.9 %"
    if share < 0.001:
        return "under 0.1 %"
    return f"{share * 100:.1f} %"


_TEMPLATES = Environment(
    loader=PackageLoader("veravox.web"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters.update(moment=moment, clock=clock, percent=percent)


def page(
    template: str,
    settings: Settings | None,
    context: Mapping[str, Any],
    status: int = 200,
) -> HTMLResponse:
    """The page that a template makes, with the headers that keep it to itself."""
    html = _TEMPLATES.get_template(template, globals={"version": __version__}).render(context)
    headers = {
        "Content-Security-Policy": policy(settings),
        "Permissions-Policy": PERMISSIONS,
        "Referrer-Policy": REFERRER,
    }
    return HTMLResponse(html, status, headers)


def policy(settings: Settings | None) -> str:
    """What a page may load: only what this server serves, and the storage of recordings."""
    storage = None if settings is None else _storage_origin(settings)
    connect = "'self'" if storage is None else f"'self' {storage}"
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        f"media-src 'self' blob:; connect-src {connect}; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )


def _storage_origin(settings: Settings) -> str | None:
    """The origin that browsers send recordings to, None where it is this server."""
    if settings.storage_url is None:
        return None
    endpoint = settings.storage_public_endpoint or settings.storage_endpoint
    if endpoint is None:
        return "https://*.amazonaws.com"
    parts = urlsplit(endpoint)
    return f"{parts.scheme}://{parts.netloc}"
