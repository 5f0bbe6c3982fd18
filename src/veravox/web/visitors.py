"""Who looks at a page, and whether a change was really asked for from one of our pages.

A session is a random secret in a cookie that scripts cannot read. A request that changes something
must come from this origin, as the browser tells in Sec-Fetch-Site or Origin, and must carry the
session's form token, in a field `csrf` or the header X-CSRF-Token.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import FormData
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from veravox.accounts import Plan
from veravox.errors import Forbidden, Unauthorized
from veravox.http.services import Services
from veravox.users import SignedIn, User

COOKIE = "veravox_session"
SECURE_COOKIE = "__Host-veravox_session"
TOKEN_HEADER = "X-CSRF-Token"  # noqa: S105
TOKEN_FIELD = "csrf"  # noqa: S105
MOST_FIELDS = 50
PLAN = Plan.PROFESSIONAL
"""People in front of a screen take turns, and may upload, as keys of this plan do."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """A signed-in person, and the token that their forms carry."""

    user: User
    form_token: str

    @property
    def quota(self) -> str:
        """Under what the person's requests are counted."""
        return f"user:{self.user.id}"

    @property
    def tenant_id(self) -> str:
        """Whose data the person sees."""
        return self.user.tenant_id


async def visitor(request: HTTPConnection) -> Visitor:
    """Who is signed in. Raises Unauthorized for nobody."""
    services = Services.of(request.scope)
    token = request.cookies.get(_cookie_name(request), "")
    user = await services.users.session(token) if token else None
    if user is None:
        raise Unauthorized("Please sign in")
    return Visitor(user, services.users.form_token(token))


async def administrator(request: Request) -> Visitor:
    """As `visitor`. Raises Forbidden for people who are not administrators."""
    return _ensure_admin(await visitor(request))


async def caller(request: Request) -> Visitor:
    """Who changes something by a script of ours. Raises Unauthorized and Forbidden."""
    found = await visitor(request)
    _ensure_ours(request, found, request.headers.get(TOKEN_HEADER, ""))
    return found


async def submitter(request: Request) -> tuple[Visitor, Mapping[str, str]]:
    """Who sent a form, and its fields. Raises Unauthorized and Forbidden."""
    found = await visitor(request)
    fields = await form_fields(request)
    _ensure_ours(request, found, fields.get(TOKEN_FIELD, ""))
    return found, fields


async def administering(request: Request) -> tuple[Visitor, Mapping[str, str]]:
    """As `submitter`. Raises Forbidden for people who are not administrators."""
    found, fields = await submitter(request)
    return _ensure_admin(found), fields


async def form_fields(request: Request) -> dict[str, str]:
    """The text fields of a form from one of our pages. Raises Forbidden for one from elsewhere."""
    ensure_same_origin(request)
    form: FormData = await request.form(max_files=0, max_fields=MOST_FIELDS)
    return {name: value for name, value in form.items() if isinstance(value, str)}


def ensure_same_origin(request: Request) -> None:
    """Raises Forbidden when the browser says that another site asks for the change.

    Browsers always say; what is no browser has no cookie that another site could make use of.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site != "same-origin":
            raise Forbidden("This form was sent from another site")
        return
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc not in _own_hosts(request):
        raise Forbidden("This form was sent from another site")


def ensure_own_page(websocket: HTTPConnection) -> None:
    """Raises Forbidden unless the browser says that one of our pages opens this WebSocket.

    Browsers let any page open a WebSocket to anywhere, with cookies, and always tell its origin.
    """
    origin = websocket.headers.get("origin", "")
    site = websocket.headers.get("sec-fetch-site", "same-origin")
    if site != "same-origin" or urlsplit(origin).netloc not in _own_hosts(websocket):
        raise Forbidden("This connection was opened from another site")


def ensure_token(found: Visitor, token: str) -> None:
    """Raises Forbidden unless `token` is the one that the visitor's forms carry."""
    if not hmac.compare_digest(token.encode(), found.form_token.encode()):
        raise Forbidden("This page is out of date; go back, reload it and try again")


def remember(response: Response, request: Request, signed_in: SignedIn) -> None:
    """Let the browser keep the session."""
    response.set_cookie(
        _cookie_name(request),
        signed_in.token,
        expires=signed_in.expires_at,
        path="/",
        secure=_is_secure(request),
        httponly=True,
        samesite="lax",
    )


async def forget(response: Response, request: Request) -> None:
    """End the session, here and in the browser, with everything that the browser kept."""
    name = _cookie_name(request)
    token = request.cookies.get(name)
    if token:
        await Services.of(request.scope).users.sign_out(token)
    secure = _is_secure(request)
    response.delete_cookie(name, path="/", secure=secure, httponly=True, samesite="lax")
    response.headers["Clear-Site-Data"] = '"storage"'


def _ensure_ours(request: Request, found: Visitor, token: str) -> None:
    ensure_same_origin(request)
    ensure_token(found, token)


def _ensure_admin(found: Visitor) -> Visitor:
    if not found.user.is_admin:
        raise Forbidden("Only administrators may do this")
    return found


def _own_hosts(request: HTTPConnection) -> set[str]:
    public = Services.of(request.scope).settings.public_url
    return {request.headers.get("host", ""), urlsplit(public).netloc if public else ""} - {""}


def _cookie_name(request: HTTPConnection) -> str:
    return SECURE_COOKIE if _is_secure(request) else COOKIE


def _is_secure(request: HTTPConnection) -> bool:
    public = Services.of(request.scope).settings.public_url or ""
    return request.url.scheme in ("https", "wss") or public.startswith("https://")
