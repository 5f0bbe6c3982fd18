"""A page for a request."""

from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse

from veravox.http.services import Services
from veravox.web.rendering import page
from veravox.web.visitors import Visitor


def view(
    request: Request, visitor: Visitor | None, template: str, section: str = "", **context: Any
) -> HTMLResponse:
    """`template` as `visitor` sees it; `section` is the entry of the navigation that it is in."""
    settings = Services.of(request.scope).settings
    return page(template, settings, {"visitor": visitor, "section": section, **context})


def back_to(path: str) -> RedirectResponse:
    """The answer to a form: look at `path`."""
    return RedirectResponse(path, 303)
