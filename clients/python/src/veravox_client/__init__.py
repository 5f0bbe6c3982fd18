"""The Python client of Veravox, and of what answers in the shapes of Aurigin or Neural Defend.

`Client` and `AsyncClient` have the same calls; what they answer is in `models`, `voices` and
`vendors` and `streams`, what they raise in `errors`.
"""

from veravox_client._async_client import AsyncClient
from veravox_client._client import Client
from veravox_client._media import Media
from veravox_client.errors import (
    AccessDenied,
    ApiError,
    Conflict,
    ConnectionFailed,
    Forbidden,
    InvalidRequest,
    InvalidSignature,
    NotFound,
    PayloadTooLarge,
    PredictionFailed,
    RateLimited,
    ServerError,
    Unauthorized,
    Unavailable,
    UnexpectedAnswer,
    UnsupportedMedia,
    VeravoxError,
    WaitTimedOut,
)
from veravox_client.models import Prediction, Segment, StoredPrediction, Verdict
from veravox_client.options import AnalysisOptions, Retries
from veravox_client.streams import (
    AudioFormat,
    StreamNotification,
    StreamResult,
    StreamStarted,
    StreamVerdict,
)
from veravox_client.vendors import AudioAnalysis, ChunkPredictions
from veravox_client.voices import Enrolment, Identification, Verification, Voiceprint
from veravox_client.webhooks import SIGNATURE_HEADER, read_webhook, verify_webhook

__all__ = [
    "SIGNATURE_HEADER",
    "AccessDenied",
    "AnalysisOptions",
    "ApiError",
    "AsyncClient",
    "AudioAnalysis",
    "AudioFormat",
    "ChunkPredictions",
    "Client",
    "Conflict",
    "ConnectionFailed",
    "Enrolment",
    "Forbidden",
    "Identification",
    "InvalidRequest",
    "InvalidSignature",
    "Media",
    "NotFound",
    "PayloadTooLarge",
    "Prediction",
    "PredictionFailed",
    "RateLimited",
    "Retries",
    "Segment",
    "ServerError",
    "StoredPrediction",
    "StreamNotification",
    "StreamResult",
    "StreamStarted",
    "StreamVerdict",
    "Unauthorized",
    "Unavailable",
    "UnexpectedAnswer",
    "UnsupportedMedia",
    "VeravoxError",
    "Verdict",
    "Verification",
    "Voiceprint",
    "WaitTimedOut",
    "read_webhook",
    "verify_webhook",
]
