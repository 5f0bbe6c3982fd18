"""One request and its answer, as middleware and dialects see it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from veravox.accounts import ApiKey, RateUsage
from veravox.errors import VeravoxError
from veravox.settings import Settings

_KEY = "exchange"


class ErrorAnswer(Protocol):
    """An error as a dialect answers it."""

    def response(self) -> Response:
        """The answer as a response."""
        ...


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

    `prefixes` of the paths that belong to it, and single `paths`; `upload_limits` from a path to
    the bytes of its largest upload; `headers` on all its answers; `takes_keys` unless callers show
    who they are in another way.
    """

    name: str
    prefixes: tuple[str, ...]
    present_key: Callable[[Headers], str | None]
    answer_error: Callable[[VeravoxError, "Exchange"], ErrorAnswer]
    upload_limits: Mapping[str, Callable[[Settings], int]]
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    paths: frozenset[str] = frozenset()
    takes_keys: bool = True

    def owns(self, path: str) -> bool:
        """Whether requests to `path` are answered in this dialect."""
        return path in self.paths or path.startswith(self.prefixes)


@dataclass(slots=True)
class Exchange:
    """What is known so far about a request.

    `dialect` renders its errors; `needs_key` tells whether its path belongs to a dialect whose
    callers have keys; `request` is the request itself, which an error may be about. `key` and
    `usage` are set once the caller is known and admitted. `body_bytes` is the size of the body,
    declared or received so far; `filename` the name that the caller gave the upload.
    """

    request_id: str
    dialect: Dialect
    needs_key: bool
    key: ApiKey | None = None
    usage: RateUsage | None = None
    body_bytes: int = 0
    filename: str | None = None
    request: HTTPConnection | None = None

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
