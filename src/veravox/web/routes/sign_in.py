"""Signing in and out, sign-in links, and one's own account."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from veravox.errors import InvalidRequest, RateLimited, Unauthorized
from veravox.http.services import Services
from veravox.users.passwords import SHORTEST
from veravox.users.service import LONGEST_NAME
from veravox.web.dashboard import SIGN_IN
from veravox.web.view import back_to, view
from veravox.web.visitors import forget, form_fields, remember, submitter, visitor

ATTEMPTS_PER_MINUTE = 10

router = APIRouter(include_in_schema=False)


@router.get(SIGN_IN)
async def sign_in_page(request: Request, next: str = "/") -> Response:
    """Name and password."""
    return _sign_in(request, next)


@router.post(SIGN_IN)
async def sign_in(request: Request) -> Response:
    """To the page that was wanted, or once more with what was wrong."""
    services = Services.of(request.scope)
    fields = await form_fields(request)
    name, target = fields.get("name", ""), fields.get("next", "/")
    try:
        await _count_attempt(request, name)
        signed_in = await services.users.sign_in(name, fields.get("password", ""))
    except Unauthorized as error:
        return _sign_in(request, target, error.message, 401, name)
    except RateLimited:
        message = "Too many attempts. Wait a minute and try again."
        return _sign_in(request, target, message, 429, name)
    answer = back_to(own_path(target))
    remember(answer, request, signed_in)
    return answer


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    """The session ends, here and in the browser."""
    await submitter(request)
    answer = back_to(SIGN_IN)
    await forget(answer, request)
    return answer


@router.get("/welcome")
async def welcome_page(request: Request) -> Response:
    """Where sign-in links lead. Their secret stands after #, so that no log or proxy sees it."""
    return _welcome(request)


@router.post("/welcome")
async def welcome(request: Request) -> Response:
    """Choose a password by a sign-in link, and be signed in."""
    services = Services.of(request.scope)
    fields = await form_fields(request)
    code, password = fields.get("code", ""), fields.get("password", "")
    try:
        await _count_address(request)
        if password != fields.get("again", ""):
            raise InvalidRequest("The two passwords differ")
        signed_in = await services.users.redeem(code, password)
    except (Unauthorized, InvalidRequest) as error:
        return _welcome(request, error.message, 400, code)
    answer = back_to("/")
    remember(answer, request, signed_in)
    return answer


@router.post("/welcome/owner")
async def link_owner(request: Request) -> JSONResponse:
    """Whom a sign-in link is for."""
    fields = await form_fields(request)
    await _count_address(request)
    user = await Services.of(request.scope).users.owner_of(fields.get("code", ""))
    return JSONResponse({"name": user.name})


@router.get("/account")
async def account_page(request: Request) -> Response:
    """One's own account."""
    return view(request, await visitor(request), "account.html", shortest=SHORTEST, error=None)


@router.post("/account/password")
async def change_password(request: Request) -> Response:
    """Another password; everyone else who is signed in with the old one is signed out."""
    found, fields = await submitter(request)
    try:
        await _count_attempt(request, found.user.name)
        if fields.get("new", "") != fields.get("again", ""):
            raise InvalidRequest("The two passwords differ")
        signed_in = await Services.of(request.scope).users.change_password(
            found.user.id, fields.get("present", ""), fields.get("new", "")
        )
    except (Unauthorized, InvalidRequest) as error:
        answer = view(request, found, "account.html", shortest=SHORTEST, error=error.message)
        answer.status_code = 400
        return answer
    answer = back_to("/account?changed=1")
    remember(answer, request, signed_in)
    return answer


def own_path(target: str) -> str:
    """`target` if it is a path on this server, else the start page."""
    plain = target.startswith("/") and not target.startswith(("//", "/\\"))
    return target if plain and target.isprintable() else "/"


def sign_in_again(request: Request, error: str) -> Response:
    """The sign-in page, with why it did not work so far."""
    return _sign_in(request, "/", error, 401)


async def _count_attempt(request: Request, name: str) -> None:
    """Raises RateLimited when too many passwords were tried, on one name or from one address."""
    await _count_address(request)
    quota = Services.of(request.scope).quota
    await quota.count(f"sign-in:{name[:LONGEST_NAME].lower()}", ATTEMPTS_PER_MINUTE)


async def _count_address(request: Request) -> None:
    """Raises RateLimited when too much was tried from one address."""
    address = request.client.host if request.client else ""
    await Services.of(request.scope).quota.count(f"address:{address}", 3 * ATTEMPTS_PER_MINUTE)


def _sign_in(
    request: Request, target: str, error: str | None = None, status: int = 200, name: str = ""
) -> Response:
    settings = Services.of(request.scope).settings
    provider = settings.oidc_label if settings.oidc_issuer else None
    answer = view(
        request,
        None,
        "sign_in.html",
        target=own_path(target),
        error=error,
        name=name,
        provider=provider,
    )
    answer.status_code = status
    return answer


def _welcome(
    request: Request, error: str | None = None, status: int = 200, code: str = ""
) -> Response:
    answer = view(request, None, "welcome.html", error=error, code=code, shortest=SHORTEST)
    answer.status_code = status
    return answer
