"""Errors that only HTTP knows, and the domain errors that the framework's own stand for."""

from fastapi.exceptions import RequestValidationError
from pydantic_core import ErrorDetails
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from veravox.errors import InvalidModel, InvalidRequest, NotFound, Unavailable, VeravoxError

DATABASE_RETRY_SECONDS = 5


class MethodNotAllowed(VeravoxError):
    """The path exists, but not for this method; `allow` is the Allow header."""

    def __init__(self, allow: str) -> None:
        """`allow` lists the methods that the path has."""
        super().__init__("Method not allowed")
        self.allow = allow


class UploadTimeout(VeravoxError):
    """The client stopped sending in the middle of its request body."""


class InternalError(VeravoxError):
    """Something went wrong that is not the caller's business."""

    def __init__(self) -> None:
        """The message is the same whatever happened."""
        super().__init__("Internal server error")


def domain_error(error: Exception) -> VeravoxError:
    """The error to answer with when a handler raised `error`."""
    if isinstance(error, InvalidModel):
        return InternalError()
    if isinstance(error, VeravoxError):
        return error
    if isinstance(error, RequestValidationError):
        return InvalidRequest("; ".join(describe(problem) for problem in error.errors()))
    if isinstance(error, HTTPException):
        return _from_http(error)
    if isinstance(error, DBAPIError | PoolTimeout):
        return Unavailable("The database does not answer", DATABASE_RETRY_SECONDS)
    return InternalError()


def describe(problem: ErrorDetails) -> str:
    """One pydantic error as a phrase: the field, and what is wrong with it."""
    place = [str(part) for part in problem["loc"] if part not in ("query", "path", "body")]
    message = problem["msg"].removeprefix("Value error, ")
    return f"{'.'.join(place)}: {message}" if place else message


def _from_http(error: HTTPException) -> VeravoxError:
    if error.status_code == 404:
        return NotFound("No such path")
    if error.status_code == 405:
        return MethodNotAllowed((error.headers or {}).get("Allow", ""))
    if error.status_code < 500:
        return InvalidRequest(error.detail)
    return InternalError()
