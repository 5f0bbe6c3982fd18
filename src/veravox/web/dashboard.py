"""The dashboard as a dialect: which paths are its own, and how it tells what went wrong."""

from dataclasses import dataclass
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, RedirectResponse, Response

from veravox.errors import VeravoxError
from veravox.http.dialects.aurigin_v1 import STATUS_OF
from veravox.http.exchange import Dialect, Exchange
from veravox.http.faults import InternalError
from veravox.http.problems import error_headers, lookup
from veravox.settings import MEBIBYTE
from veravox.web.rendering import page

SIGN_IN = "/sign-in"
LIVE = "/live"
ENROL = "/voices/enrol"
VERIFY = "/voices/verify"
SECTIONS = (
    "/sign-in",
    "/sign-out",
    "/welcome",
    "/account",
    "/recordings",
    LIVE,
    "/voices",
    "/webhooks",
    "/keys",
    "/people",
    "/models",
    "/static",
)

_TITLES = {
    400: "That did not work",
    401: "Please sign in",
    403: "Not allowed",
    404: "Not found",
    409: "That does not fit",
    413: "Too large",
    422: "This file cannot be analysed",
    429: "Too many requests",
    503: "Busy",
}


@dataclass(frozen=True, slots=True)
class PageError:
    """An error as a page, or as JSON for a script of ours."""

    status: int
    message: str
    headers: dict[str, str]
    request: HTTPConnection | None

    def response(self) -> Response:
        """The answer as a response; who is not signed in is asked to."""
        request = self.request
        if request is None or "application/json" in request.headers.get("accept", ""):
            body = {"message": self.message, "status": self.status}
            return JSONResponse(body, self.status, self.headers)
        if self.status == 401 and request.scope.get("method") == "GET":
            return RedirectResponse(f"{SIGN_IN}?next={quote(_address(request), safe='')}", 303)
        title = _TITLES.get(self.status, "Something went wrong")
        context = {"title": title, "message": self.message, "visitor": None, "section": ""}
        answer = page("error.html", None, context, self.status)
        answer.headers.update(self.headers)
        return answer


def answer_error(error: VeravoxError, exchange: Exchange) -> PageError:
    """An error for people."""
    status = lookup(STATUS_OF, error, 500)
    message = error.message if status != 500 else InternalError().message
    return PageError(status, message, error_headers(error), exchange.request)


def no_key(headers: Headers) -> None:  # noqa: ARG001
    """The dashboard takes no keys."""
    return


def _address(request: HTTPConnection) -> str:
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path


DIALECT = Dialect(
    name="dashboard",
    prefixes=tuple(f"{section}/" for section in SECTIONS),
    paths=frozenset(("/", *SECTIONS)),
    present_key=no_key,
    answer_error=answer_error,
    upload_limits={
        ENROL: lambda settings: settings.max_upload_voiceid_mb * MEBIBYTE,
        VERIFY: lambda settings: settings.max_upload_voiceid_mb * MEBIBYTE,
    },
    takes_keys=False,
)
