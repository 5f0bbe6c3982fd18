"""Everything that can go wrong, as types. No message holds a key, a signed address or audio."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from veravox_client.models import StoredPrediction


class VeravoxError(Exception):
    """Base of all errors of this package."""


class ConnectionFailed(VeravoxError):
    """The server could not be reached, or did not answer, also when asked again."""


class UnexpectedAnswer(VeravoxError):
    """The answer is in no shape that this package knows, such as a proxy's page."""


class InvalidSignature(VeravoxError):
    """A webhook does not come from who knows the secret, was altered, or is too old."""


class PredictionFailed(VeravoxError):
    """An analysis ended without a result; `prediction` says how."""

    def __init__(self, prediction: "StoredPrediction") -> None:
        """`prediction` has failed, has expired or was canceled."""
        why = f": {prediction.error.message}" if prediction.error else ""
        super().__init__(f"The prediction '{prediction.prediction_id}' {prediction.status}{why}")
        self.prediction = prediction


class WaitTimedOut(VeravoxError):
    """An analysis is not finished in time; it goes on, and `prediction` says how far it is."""

    def __init__(self, prediction: "StoredPrediction", seconds: float) -> None:
        """`seconds` is how long was waited."""
        super().__init__(
            f"The prediction '{prediction.prediction_id}' is {prediction.status} "
            f"after {seconds:g} seconds"
        )
        self.prediction = prediction


class ApiError(VeravoxError):
    """The server answered with an error.

    `status` is the HTTP status, `code` the dialect's word for programs (such as
    ``validation_error`` or ``FILE_SIZE_EXCEEDED``; empty where there is none), `message` the
    sentence for people, `request_id` what to quote to the operator, and `retry_after` the seconds
    until another try helps, where the server says so.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        """The parts of the answer."""
        super().__init__(f"{message} (HTTP {status})")
        self.status = status
        self.code = code
        self.message = message
        self.request_id = request_id
        self.retry_after = retry_after


class InvalidRequest(ApiError):
    """A parameter is missing or wrong, or the recording is too short."""


class AccessDenied(ApiError):
    """The key does not open this; some dialects do not say why."""


class Unauthorized(AccessDenied):
    """The key is missing, unknown, revoked or expired."""


class Forbidden(AccessDenied):
    """The key lacks the scope of the call, or a signed address allows something else."""


class NotFound(ApiError):
    """There is no such thing of yours."""


class Conflict(ApiError):
    """The id was used for something else, or the thing is in another state."""


class PayloadTooLarge(ApiError):
    """The recording is larger than the call allows."""


class UnsupportedMedia(ApiError):
    """The recording is of no supported format or cannot be decoded."""


class RateLimited(ApiError):
    """A limit of the plan is reached, also after waiting."""


class ServerError(ApiError):
    """Something is wrong on the server."""


class Unavailable(ServerError):
    """The server is saturated or shutting down, also after waiting."""
