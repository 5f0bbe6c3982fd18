"""One request and its answer, as middleware and dialects see it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import Scope

from veravox.accounts import ApiKey, RateUsage
from veravox.errors import VeravoxError
from veravox.settings import Settings

_KEY = "exchange"


@dataclass(frozen=True, slots=True)
class Answer:
    """An error in a dialect's own words: status, JSON body and headers of its own."""

    status: int
    body: Mapping[str, object]
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    def response(self) -> JSONResponse:
        """The answer as a response."""
        return JSONResponse(self.body, self.status, dict(self.headers))


@dataclass(frozen=True, slots=True)
class Dialect:
    """One vendor's way to speak.

    `prefixes` of the paths that belong to it; `upload_limits` from a path to the bytes of its
    largest upload; `headers` on all its answers.
    """

    name: str
    prefixes: tuple[str, ...]
    present_key: Callable[[Headers], str | None]
    answer_error: Callable[[VeravoxError, "Exchange"], Answer]
    upload_limits: Mapping[str, Callable[[Settings], int]]
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(slots=True)
class Exchange:
    """What is known so far about a request.

    `dialect` renders its errors; `needs_key` tells whether its path belongs to that dialect;
    `key` and `usage` are set once the caller is known and admitted. `body_bytes` is the size of
    the body, declared or received so far; `filename` the name that the caller gave the upload.
    """

    request_id: str
    dialect: Dialect
    needs_key: bool
    key: ApiKey | None = None
    usage: RateUsage | None = None
    body_bytes: int = 0
    filename: str | None = None

    @property
    def api_key(self) -> ApiKey:
        """The caller's key. Only for paths that need one."""
        if self.key is None:
            raise RuntimeError("the request was not authenticated")
        return self.key

    @staticmethod
    def of(scope: Scope) -> "Exchange":
        """The exchange that belongs to an ASGI scope."""
        return scope["state"][_KEY]

    def attach(self, scope: Scope) -> None:
        """Make `of` find this exchange."""
        scope.setdefault("state", {})[_KEY] = self
