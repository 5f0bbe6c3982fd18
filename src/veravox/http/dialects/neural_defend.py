"""Neural Defend's audio API."""

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict

from veravox.accounts import Scope
from veravox.analysis import Analysis, AnalysisOptions
from veravox.audio.recording import Quality
from veravox.detection.calibration import spoof_probability
from veravox.detection.verdict import Reason, Result, Segment
from veravox.errors import (
    AudioTooShort,
    Conflict,
    Forbidden,
    InvalidRequest,
    MediaError,
    MissingFile,
    NotFound,
    PayloadTooLarge,
    RateLimited,
    Unauthorized,
    Unavailable,
    UnsupportedFormat,
    VeravoxError,
)
from veravox.http.exchange import Answer, Dialect, Exchange
from veravox.http.faults import InternalError, MethodNotAllowed, UploadTimeout
from veravox.http.forms import recording, sent_name, submission
from veravox.http.keys import presented_key
from veravox.http.openapi import KEY_SECURITY, answers, upload_body
from veravox.http.origin import origin_of
from veravox.http.problems import error_headers, lookup
from veravox.http.services import Services
from veravox.predictions import PredictionRequest
from veravox.settings import MEBIBYTE, ConfidenceSemantics

DETECT = "/detect/audio"
MODEL = "stable"

REAL = "Real Audio"
FAKE = "Suspected AI-Generated (or Suspected AI-Manipulated)"
INSUFFICIENT = "Insufficient Data"
SUCCESS = "Analysis completed successfully"
POOR = "Analysis completed with reduced confidence due to audio quality"
NO_SPEECH = "No speech content detected for analysis"
TOO_SHORT = "Audio duration too short for reliable analysis"

SUPPORTED_FORMATS = ("MP3", "WAV", "FLAC", "AAC", "OGG")
GOOD_SNR_DB = 20.0
GOOD_BANDWIDTH_HZ = 4000.0
LEAST_QUALITY = 0.25


@dataclass(frozen=True, slots=True)
class Kind:
    """How a class of errors is answered; `message` replaces the error's own."""

    status: int
    word: str
    code: str
    message: str | None = None


_DENIED = Kind(403, "unauthorized", "UNAUTHORIZED_ACCESS", "Invalid API key or access denied.")
_INTERNAL = Kind(500, "server_error", "INTERNAL_SERVER_ERROR", InternalError().message)
_UNSUPPORTED = Kind(415, "failed", "UNSUPPORTED_FORMAT")

KIND_OF: Mapping[type[VeravoxError], Kind] = {
    InvalidRequest: Kind(400, "failed", "INVALID_REQUEST"),
    MissingFile: Kind(400, "failed", "MISSING_FILE"),
    MediaError: Kind(400, "failed", "INVALID_AUDIO_FORMAT"),
    Unauthorized: _DENIED,
    Forbidden: _DENIED,
    NotFound: Kind(404, "failed", "NOT_FOUND"),
    MethodNotAllowed: Kind(405, "failed", "METHOD_NOT_ALLOWED"),
    UploadTimeout: Kind(408, "failed", "REQUEST_TIMEOUT"),
    Conflict: Kind(409, "failed", "CONFLICT"),
    PayloadTooLarge: Kind(413, "failed", "FILE_SIZE_EXCEEDED"),
    RateLimited: Kind(429, "rate_limited", "RATE_LIMIT_EXCEEDED"),
    Unavailable: Kind(503, "server_error", "SERVICE_UNAVAILABLE"),
}
_NAMES_THE_FILE = (
    "MISSING_FILE",
    "INVALID_AUDIO_FORMAT",
    "FILE_SIZE_EXCEEDED",
    "UNSUPPORTED_FORMAT",
)


class SegmentBody(BaseModel):
    """One segment; both values are null where it was not scored."""

    start: float
    end: float
    prediction: str | None
    ai_probability: float | None


class AnalysisBody(BaseModel):
    """What an analysis concluded. `authenticity_score` is 1 for real, `ai_probability` for AI."""

    message: str
    prediction: str | None
    confidence: float | None
    authenticity_score: float | None
    ai_probability: float | None
    segments: list[SegmentBody]
    request_id: str


class DetectionBody(BaseModel):
    """The answer to a detection."""

    audio_analysis: AnalysisBody


class ErrorDetail(BaseModel):
    """What went wrong; some errors have keys of their own."""

    model_config = ConfigDict(extra="allow")

    status: str
    status_code: int
    error_code: str
    message: str


class ErrorBody(BaseModel):
    """An error; `detail` repeats its message."""

    error: ErrorDetail
    detail: str


class NoFields(BaseModel):
    """Nothing is sent beside the file."""


def answer_error(error: VeravoxError, exchange: Exchange) -> Answer:
    """An error in this dialect."""
    kind = _kind(error)
    message = kind.message or error.message
    detail = {
        "status": kind.word,
        "status_code": kind.status,
        "error_code": kind.code,
        "message": message,
        "request_id": exchange.request_id,
        **_particulars(error, kind, exchange),
    }
    return Answer(kind.status, {"error": detail, "detail": message}, error_headers(error))


def _kind(error: VeravoxError) -> Kind:
    """A format is unsupported only when it is known; unknown bytes are a broken recording."""
    if isinstance(error, UnsupportedFormat) and error.recognised is not None:
        return _UNSUPPORTED
    return lookup(KIND_OF, error, _INTERNAL)


def _particulars(error: VeravoxError, kind: Kind, exchange: Exchange) -> dict[str, object]:
    """The keys that only some errors have."""
    named: dict[str, object] = {}
    if kind.code in _NAMES_THE_FILE:
        named["filename"] = exchange.filename
    if kind is _UNSUPPORTED:
        named["supported_formats"] = list(SUPPORTED_FORMATS)
    if isinstance(error, PayloadTooLarge):
        named["file_size_mb"] = round(exchange.body_bytes / MEBIBYTE, 2)
        named["max_allowed_mb"] = error.limit // MEBIBYTE
    if isinstance(error, RateLimited):
        named["retry_after"] = error.retry_after
        named["current_usage"] = f"{error.used}/{error.limit} {error.window}"
    return named


DIALECT = Dialect(
    name="neural_defend",
    prefixes=("/detect/",),
    present_key=presented_key,
    answer_error=answer_error,
    upload_limits={DETECT: lambda settings: settings.max_upload_neural_defend_mb * MEBIBYTE},
)
_EXAMPLE = {
    "audio_analysis": {
        "message": SUCCESS,
        "prediction": FAKE,
        "confidence": 0.9990035721566528,
        "authenticity_score": 0.0009964278433472,
        "ai_probability": 0.9990035721566528,
        "segments": [{"start": 0.0, "end": 5.0, "prediction": FAKE, "ai_probability": 0.9990035}],
        "request_id": "a1b2c3d4-e5f6-7890-abcd-ef1234567890",
    }
}


def _error_example(kind: Kind, message: str, **particulars: object) -> dict[str, object]:
    detail = {
        "status": kind.word,
        "status_code": kind.status,
        "error_code": kind.code,
        "message": message,
        **particulars,
    }
    return {"error": detail, "detail": message}


_ERRORS: dict[int, tuple[str, object]] = {
    400: (
        "No file was sent, or its audio cannot be decoded or is sampled below 8 kHz.",
        _error_example(KIND_OF[MediaError], "The audio cannot be decoded", filename="broken.wav"),
    ),
    403: (
        "The key is missing, unknown, revoked or expired.",
        _error_example(_DENIED, _DENIED.message or ""),
    ),
    408: (
        "The body stopped arriving.",
        _error_example(KIND_OF[UploadTimeout], "The request body stopped arriving"),
    ),
    413: (
        "The recording is too large.",
        _error_example(
            KIND_OF[PayloadTooLarge],
            "Request body exceeds maximum allowed size of 500MB",
            filename="long.wav",
            file_size_mb=512.5,
            max_allowed_mb=500,
        ),
    ),
    415: (
        "The file is of a known kind that is not supported.",
        _error_example(
            _UNSUPPORTED,
            "The file is a PDF, not audio or video",
            filename="letter.pdf",
            supported_formats=list(SUPPORTED_FORMATS),
        ),
    ),
    422: ("The recording holds no speech and the operator chose this status for it.", _EXAMPLE),
    429: (
        "A limit of the plan is reached.",
        _error_example(
            KIND_OF[RateLimited],
            "Rate limit exceeded: 20/20 per minute",
            retry_after=30,
            current_usage="20/20 per minute",
        ),
    ),
    500: ("A bug.", _error_example(_INTERNAL, InternalError().message)),
    503: (
        "Saturated or shutting down.",
        _error_example(KIND_OF[Unavailable], "All analysers are busy; try again shortly"),
    ),
}

_ANSWERS = answers(_EXAMPLE, ErrorBody, _ERRORS)
_ANSWERS[422]["model"] = DetectionBody

router = APIRouter(tags=["Neural Defend"])


@router.post(
    DETECT,
    summary="Analyse a recording of up to 500 MB",
    response_model=DetectionBody,
    responses=_ANSWERS,
    openapi_extra=upload_body(NoFields, url_instead=False) | {"security": KEY_SECURITY},
)
async def detect(request: Request, response: Response) -> DetectionBody:
    """The recording's content is sniffed: its name and declared type do not matter."""
    exchange = Exchange.of(request.scope)
    exchange.api_key.require(Scope.PREDICT)
    services = Services.of(request.scope)
    async with submission(request) as sent, recording(request, sent, None) as media:
        wanted = PredictionRequest(
            AnalysisOptions(MODEL), MODEL, name=sent_name(request), origin=origin_of(request)
        )
        try:
            made = await services.predictions.predict(exchange.api_key.tenant_id, media, wanted)
        except AudioTooShort:
            return _body(Conclusion(TOO_SHORT, INSUFFICIENT), exchange.request_id)
    conclusion = conclude(made.completed, services.settings.confidence_semantics)
    if conclusion.message == NO_SPEECH:
        response.status_code = services.settings.no_speech_status
    return _body(conclusion, exchange.request_id, made.completed)


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What this vendor says about a recording; all numbers 0..1."""

    message: str
    prediction: str | None
    confidence: float | None = None
    ai_probability: float | None = None


def conclude(analysis: Analysis, semantics: ConfidenceSemantics) -> Conclusion:
    """The vendor's outcome for an analysis."""
    verdict = analysis.verdict
    if verdict.reason is Reason.TOO_LITTLE_SPEECH:
        return Conclusion(TOO_SHORT, INSUFFICIENT)
    if verdict.spoof_llr is None or verdict.reason is Reason.NO_SPEECH:
        return Conclusion(NO_SPEECH, None)
    spoof = spoof_probability(verdict.spoof_llr)
    fake = spoof >= analysis.threshold if verdict.result is None else verdict.result != "bonafide"
    if verdict.result is Result.PARTIALLY_SPOOFED:
        spoof = max(_ai_probability(segment) or 0.0 for segment in analysis.segments)
    stated = spoof if fake and semantics == "label" else 1.0 - spoof
    poor = verdict.reason is Reason.POOR_QUALITY
    return Conclusion(
        message=POOR if poor else SUCCESS,
        prediction=FAKE if fake else REAL,
        confidence=stated * quality_factor(analysis.quality) if poor else stated,
        ai_probability=spoof,
    )


def quality_factor(quality: Quality) -> float:
    """By how much a poor recording lowers confidence, 0.25..1.

    The worst of SNR against 20 dB, bandwidth against 4 kHz, and the share of unclipped samples.
    """
    snr = 1.0 if quality.snr_db is None else quality.snr_db / GOOD_SNR_DB
    bandwidth = quality.bandwidth_hz / GOOD_BANDWIDTH_HZ
    return min(1.0, max(LEAST_QUALITY, min(snr, bandwidth, 1.0 - quality.clipping_ratio)))


def _body(
    conclusion: Conclusion, request_id: str, analysis: Analysis | None = None
) -> DetectionBody:
    spoof = conclusion.ai_probability
    return DetectionBody(
        audio_analysis=AnalysisBody(
            message=conclusion.message,
            prediction=conclusion.prediction,
            confidence=conclusion.confidence,
            authenticity_score=None if spoof is None else 1.0 - spoof,
            ai_probability=spoof,
            segments=[_segment(segment) for segment in analysis.segments] if analysis else [],
            request_id=request_id,
        )
    )


def _segment(segment: Segment) -> SegmentBody:
    labels = {Result.BONAFIDE: REAL, Result.SPOOFED: FAKE}
    return SegmentBody(
        start=round(segment.start, 3),
        end=round(segment.end, 3),
        prediction=None if segment.result is None else labels[segment.result],
        ai_probability=_ai_probability(segment),
    )


def _ai_probability(segment: Segment) -> float | None:
    return None if segment.spoof_llr is None else spoof_probability(segment.spoof_llr)
