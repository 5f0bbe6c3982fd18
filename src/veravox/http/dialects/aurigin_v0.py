"""Aurigin's deprecated API, version 0, under both of its paths."""

from collections.abc import Mapping
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from veravox.accounts import Scope
from veravox.analysis import Analysis, AnalysisOptions
from veravox.detection.calibration import spoof_probability
from veravox.detection.verdict import Result, Segment
from veravox.errors import (
    AudioTooShort,
    Conflict,
    Forbidden,
    InvalidRequest,
    MediaError,
    NotFound,
    PayloadTooLarge,
    RateLimited,
    Unauthorized,
    Unavailable,
    VeravoxError,
)
from veravox.http.addresses import absolute
from veravox.http.exchange import Answer, Dialect, Exchange
from veravox.http.faults import MethodNotAllowed, UploadTimeout
from veravox.http.forms import recording, sent_name, submission, validated
from veravox.http.keys import presented_key
from veravox.http.openapi import KEY_SECURITY, answers, upload_body
from veravox.http.origin import origin_of
from veravox.http.problems import ProblemBody, aurigin_answer, documented
from veravox.http.services import Services
from veravox.predictions import PredictionRequest
from veravox.settings import MEBIBYTE, Settings

PREDICT = "/v0/predict"
PREDICT_LEGACY = "/api-ext/predict"
FILE_LEGACY = "/api-ext/file"
MODEL = "stable"
DECIMALS = 6
MOST_FILES = 100

STATUS_OF: Mapping[type[VeravoxError], int] = {
    InvalidRequest: 400,
    AudioTooShort: 400,
    PayloadTooLarge: 400,
    Unauthorized: 403,
    Forbidden: 403,
    NotFound: 404,
    MethodNotAllowed: 405,
    UploadTimeout: 408,
    Conflict: 409,
    MediaError: 422,
    RateLimited: 429,
    Unavailable: 503,
}

DEPRECATION_HEADERS = {
    "Deprecation": "@1795219200",
    "Sunset": "Fri, 21 May 2027 00:00:00 GMT",
    "Link": '</v1/predict>; rel="successor-version"',
}
"""RFC 9745 and RFC 8594: deprecated since 2026-11-21, to be kept for six months."""


class PredictFields(BaseModel):
    """The fields beside the file."""

    model_config = ConfigDict(extra="ignore")

    presigned_url: Annotated[
        str | None, Field(max_length=4096, description="https URL to fetch the recording from.")
    ] = None
    user_id: Annotated[str | None, Field(max_length=1024, description="A tag.")] = None


class PredictionBody(BaseModel):
    """Three parallel lists, one entry for each 5-s chunk of the recording.

    `global_probability` is the confidence in the entry of `predictions`; both are null where
    `error` says why there is none.
    """

    predictions: list[Literal["fake", "real"] | None]
    global_probability: list[float | None]
    error: list[str | None]
    model: str
    processing_time: float
    audio_duration: float


class KeyValueBody(BaseModel):
    """A stored recording's key and a URL to download it from."""

    key: str
    value: str


class ListBody(BaseModel):
    """The newest stored recordings."""

    url: list[KeyValueBody]


def answer_error(error: VeravoxError, exchange: Exchange) -> Answer:
    """An error in this dialect."""
    return aurigin_answer(error, exchange, STATUS_OF)


def _upload_limit(settings: Settings) -> int:
    return settings.max_upload_v0_mb * MEBIBYTE


DIALECT = Dialect(
    name="aurigin_v0",
    prefixes=("/v0/", "/api-ext/"),
    present_key=presented_key,
    answer_error=answer_error,
    upload_limits={PREDICT: _upload_limit, PREDICT_LEGACY: _upload_limit},
    headers=DEPRECATION_HEADERS,
)

_EXAMPLE = {
    "predictions": ["fake", "real"],
    "global_probability": [0.9584, 0.9123],
    "error": [None, None],
    "model": "veravox-1",
    "processing_time": 1.23,
    "audio_duration": 10.0,
}
_ERRORS = {
    400: (
        "A parameter is missing or wrong, or the recording is too short or too large.",
        "Request body exceeds maximum allowed size of 50MB",
    ),
    403: ("The key is missing, unknown, revoked or expired.", "Invalid or inactive API key"),
    408: ("The body stopped arriving.", "The request body stopped arriving"),
    422: ("The recording cannot be decoded.", "The file is a PDF, not audio or video"),
    429: ("A limit of the plan is reached.", "Rate limit exceeded: 10/10 per minute"),
    500: ("A bug.", "Internal server error"),
    503: ("Saturated or shutting down.", "All analysers are busy; try again shortly"),
}

_LOOKUP_ERRORS = {status: _ERRORS[status] for status in (400, 403, 429, 500, 503)}
_LIST_EXAMPLE = {
    "url": [
        {
            "key": "analysis/pred_9b6ff057a7f7/call.wav",
            "value": "https://voice.example.com/storage/upl_5f0c?expires=1795339800&signature=0nBx",
        }
    ]
}

router = APIRouter(tags=["Aurigin v0"], deprecated=True)


@router.post(
    PREDICT_LEGACY,
    summary="Analyse a recording of up to 50 MB",
    response_model=PredictionBody,
    responses=answers(_EXAMPLE, ProblemBody, documented(_ERRORS)),
    openapi_extra=upload_body(PredictFields, url_instead=True) | {"security": KEY_SECURITY},
    operation_id="predict_api_ext",
)
@router.post(
    PREDICT,
    summary="Analyse a recording of up to 50 MB",
    response_model=PredictionBody,
    responses=answers(_EXAMPLE, ProblemBody, documented(_ERRORS)),
    openapi_extra=upload_body(PredictFields, url_instead=True) | {"security": KEY_SECURITY},
    operation_id="predict_v0",
)
async def predict(request: Request) -> PredictionBody:
    """Use `/v1/predict` instead."""
    key = Exchange.of(request.scope).api_key
    key.require(Scope.PREDICT)
    async with submission(request) as sent:
        wanted = PredictionRequest(
            AnalysisOptions(MODEL), MODEL, name=sent_name(request), origin=origin_of(request)
        )
        fields = validated(PredictFields, sent.fields)
        async with recording(request, sent, fields.presigned_url) as media:
            predictions = Services.of(request.scope).predictions
            prediction = await predictions.predict(key.tenant_id, media, wanted)
    return render(prediction.completed)


@router.get(
    FILE_LEGACY,
    summary="List stored recordings",
    response_model=ListBody,
    responses=answers(_LIST_EXAMPLE, ProblemBody, documented(_LOOKUP_ERRORS)),
    openapi_extra={"security": KEY_SECURITY},
)
async def list_files(
    request: Request,
    key_prefix: Annotated[str, Query(max_length=400, description="Only keys that begin so.")] = "",
    entity: Annotated[Literal["analysis"], Query()] = "analysis",  # noqa: ARG001
) -> ListBody:
    """Use `/v1/file` instead, which lists more than the newest hundred."""
    key = Exchange.of(request.scope).api_key
    key.require(Scope.READ)
    files = Services.of(request.scope).files
    listed, _ = await files.list(key.tenant_id, key_prefix, None, MOST_FILES)
    return ListBody(
        url=[KeyValueBody(key=file.key, value=absolute(request, file.url)) for file in listed]
    )


def render(analysis: Analysis) -> PredictionBody:
    """The body of an analysis."""
    return PredictionBody(
        predictions=[_prediction(segment) for segment in analysis.segments],
        global_probability=[_confidence(segment) for segment in analysis.segments],
        error=[segment.reason for segment in analysis.segments],
        model=analysis.model_id,
        processing_time=round(analysis.processing_time, 3),
        audio_duration=round(analysis.duration, 3),
    )


def _prediction(segment: Segment) -> Literal["fake", "real"] | None:
    if segment.result is None:
        return None
    return "fake" if segment.result is Result.SPOOFED else "real"


def _confidence(segment: Segment) -> float | None:
    if segment.result is None or segment.spoof_llr is None:
        return None
    spoof = spoof_probability(segment.spoof_llr)
    return round(spoof if segment.result is Result.SPOOFED else 1.0 - spoof, DECIMALS)
