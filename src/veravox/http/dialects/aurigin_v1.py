"""Aurigin's API, version 1."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from veravox.accounts import Scope
from veravox.analysis import AnalysisOptions, Channels
from veravox.detection.calibration import spoof_probability
from veravox.detection.rules import confidence, overall_confidence
from veravox.detection.verdict import Result, Segment, Verdict
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
from veravox.http.exchange import Answer, Dialect, Exchange
from veravox.http.faults import MethodNotAllowed, UploadTimeout
from veravox.http.forms import recording, sent_name, submission, validated
from veravox.http.keys import presented_key
from veravox.http.openapi import KEY_SECURITY, answers, upload_body
from veravox.http.origin import origin_of
from veravox.http.problems import ProblemBody, aurigin_answer, documented
from veravox.http.services import Services
from veravox.predictions import (
    Origin,
    Prediction,
    PredictionFilter,
    PredictionRequest,
    Status,
)
from veravox.settings import MEBIBYTE

PREDICT = "/v1/predict"
PREDICT_LARGE = "/v1/predict/large-file"
VOICE_ENROL = "/v1/voiceid/enroll"
VOICE_VERIFY = "/v1/voiceid/verify"
VOICE_IDENTIFY = "/v1/voiceid/identify"
DEVICES = ("macos", "windows", "web_app", "api")
DEFAULT_MODEL = "stable"
ECHOED_AS = {"stable": "stable-latest"}
LONGEST_ECHO = 40
DECIMALS = 6

STATUS_OF: Mapping[type[VeravoxError], int] = {
    InvalidRequest: 400,
    AudioTooShort: 400,
    Unauthorized: 401,
    Forbidden: 403,
    NotFound: 404,
    MethodNotAllowed: 405,
    UploadTimeout: 408,
    Conflict: 409,
    PayloadTooLarge: 413,
    MediaError: 422,
    RateLimited: 429,
    Unavailable: 503,
}

PredictionId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class AnalysisFields(BaseModel):
    """How a recording is to be analysed."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)

    device: Annotated[
        str | None,
        Field(max_length=200, description="A tag: `macos`, `windows`, `web_app` or `api`."),
    ] = None
    prediction_id: Annotated[
        PredictionId | None, Field(description="Your own id; makes the call idempotent.")
    ] = None
    model: Annotated[
        str | None, Field(max_length=64, description="A model id or alias.", examples=["stable"])
    ] = DEFAULT_MODEL
    threshold: Annotated[
        float | None,
        Field(ge=0, le=1, description="Decision threshold. Default: the model's own."),
    ] = None
    silence_threshold: Annotated[
        float, Field(ge=0, le=100, description="Segments with more silence, in %, are skipped.")
    ] = 80.0
    channels: Annotated[
        Channels,
        Field(description="`split` judges each channel by itself, `mix` their mean."),
    ] = "mix"


class PredictFields(AnalysisFields):
    """The fields beside the file."""

    presigned_url: Annotated[
        str | None, Field(max_length=4096, description="https URL to fetch the recording from.")
    ] = None


class LargeFileFields(PredictFields):
    """The fields beside a large file."""

    filename: Annotated[str | None, Field(max_length=1024, description="A tag.")] = None


class GlobalBody(BaseModel):
    """The verdict on the whole recording."""

    score: float | None
    confidence: float | None
    result: Result | None
    reason: str | None


class SegmentBody(BaseModel):
    """One segment; `scores` is empty and `result` null where it was not scored."""

    index: int
    start: float
    end: float
    scores: list[float]
    confidence: float | None
    result: Result | None
    reason: str | None


class GeneratorBody(BaseModel):
    """The family of generators that a spoof is taken for; `unknown` is the usual answer."""

    family: str
    confidence: float


class ChannelBody(BaseModel):
    """One channel of a recording whose channels were split; they are counted from 0."""

    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=True)

    channel: int
    verdict: Annotated[GlobalBody, Field(alias="global")]
    segments: list[SegmentBody]


class PredictionBody(BaseModel):
    """What an analysis concluded.

    With split channels `global` and `segments` are those of the channel most likely spoofed.
    `calibration` is `model`, or the id of the operator's own. `generator` is null unless the
    recording is spoofed and the model attributes.
    """

    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=True)

    prediction_id: str
    verdict: Annotated[GlobalBody, Field(alias="global")]
    segments: list[SegmentBody]
    model: str
    model_version: str
    processing_time: float
    audio_duration: float
    warnings: list[str]
    channels: list[ChannelBody] = []
    calibration: str
    generator: GeneratorBody | None = None


class PartialBody(BaseModel):
    """What is known of a recording that is being analysed: `seconds` of it are."""

    seconds: float
    segments: int
    spoofed_segments: int


class FailureBody(BaseModel):
    """Why there is no result, in the words of an error."""

    error: str
    message: str


class StoredBody(BaseModel):
    """A kept prediction; the fields of its result are there once it is completed.

    `progress` is the share of the recording, 0 to 1, that is analysed; `partial` is there while it
    is, `error` when it failed.
    """

    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=True)

    prediction_id: str
    status: Status
    progress: float
    created_at: datetime
    device: str | None
    verdict: Annotated[GlobalBody | None, Field(alias="global")] = None
    segments: list[SegmentBody] | None = None
    model: str | None = None
    model_version: str | None = None
    processing_time: float | None = None
    audio_duration: float | None = None
    warnings: list[str] | None = None
    channels: list[ChannelBody] | None = None
    calibration: str | None = None
    generator: GeneratorBody | None = None
    partial: PartialBody | None = None
    error: FailureBody | None = None


class PageBody(BaseModel):
    """Predictions, newest first; pass `next_cursor` as `cursor` to go on."""

    predictions: list[StoredBody]
    next_cursor: str | None


def answer_error(error: VeravoxError, exchange: Exchange) -> Answer:
    """An error in this dialect."""
    return aurigin_answer(error, exchange, STATUS_OF)


DIALECT = Dialect(
    name="aurigin_v1",
    prefixes=("/v1/",),
    present_key=presented_key,
    answer_error=answer_error,
    upload_limits={
        PREDICT: lambda settings: settings.max_upload_v1_mb * MEBIBYTE,
        PREDICT_LARGE: lambda settings: settings.max_upload_v1_large_mb * MEBIBYTE,
        VOICE_ENROL: lambda settings: settings.max_upload_voiceid_mb * MEBIBYTE,
        VOICE_VERIFY: lambda settings: settings.max_upload_voiceid_mb * MEBIBYTE,
        VOICE_IDENTIFY: lambda settings: settings.max_upload_voiceid_mb * MEBIBYTE,
    },
)


_ERRORS = {
    400: (
        "A parameter is missing or wrong, or the recording is shorter than 3 s.",
        "Audio file too short: 2.1s (minimum 3.0s required)",
    ),
    401: ("The key is missing, unknown, revoked or expired.", "Invalid or inactive API key"),
    403: ("The key lacks the scope.", "This API key lacks the scope 'predict'"),
    408: ("The body stopped arriving.", "The request body stopped arriving"),
    409: (
        "The prediction_id was used with another request, or is in use.",
        "The prediction 'call-17' is still being processed",
    ),
    413: ("The recording is too large.", "Request body exceeds maximum allowed size of 5MB"),
    422: ("The recording cannot be decoded.", "The file is a PDF, not audio or video"),
    429: ("A limit of the plan is reached.", "Rate limit exceeded: 10/10 per minute"),
    500: ("A bug.", "Internal server error"),
    503: ("Saturated or shutting down.", "All analysers are busy; try again shortly"),
}
_LOOKUP_ERRORS = {status: _ERRORS[status] for status in (401, 403, 429, 500)}
_NOT_FOUND = {404: ("There is no such prediction.", "No prediction has the id 'call-17'")}

_EXAMPLE = {
    "prediction_id": "pred_9b6ff057a7f7",
    "global": {"score": 0.975, "confidence": 0.95, "result": "spoofed", "reason": None},
    "segments": [
        {
            "index": 0,
            "start": 0.0,
            "end": 5.0,
            "scores": [0.98],
            "confidence": 0.96,
            "result": "spoofed",
            "reason": None,
        },
        {
            "index": 1,
            "start": 5.0,
            "end": 10.0,
            "scores": [0.97],
            "confidence": 0.94,
            "result": "spoofed",
            "reason": None,
        },
    ],
    "model": "stable-latest",
    "model_version": "veravox-1",
    "processing_time": 1.23,
    "audio_duration": 10.0,
    "warnings": [],
    "channels": [],
    "calibration": "model",
    "generator": {"family": "modern text to speech", "confidence": 0.81},
}
_STORED_EXAMPLE = {
    **_EXAMPLE,
    "status": "completed",
    "progress": 1.0,
    "created_at": "2026-11-21T09:30:00Z",
    "device": "api",
}
_PAGE_EXAMPLE = {"predictions": [_STORED_EXAMPLE], "next_cursor": None}

_PREDICT_ANSWERS = answers(_EXAMPLE, ProblemBody, documented(_ERRORS))
_GET_ANSWERS = answers(_STORED_EXAMPLE, ProblemBody, documented(_LOOKUP_ERRORS | _NOT_FOUND))
_LIST_ANSWERS = answers(
    _PAGE_EXAMPLE,
    ProblemBody,
    documented(_LOOKUP_ERRORS | {400: ("A parameter is wrong.", "limit: must be at most 100")}),
)
_DELETE_ANSWERS = {status: answer for status, answer in _GET_ANSWERS.items() if status != 200}

router = APIRouter(tags=["Aurigin v1"])


@router.post(
    PREDICT,
    summary="Analyse a recording of up to 5 MB",
    response_model=PredictionBody,
    responses=_PREDICT_ANSWERS,
    openapi_extra=upload_body(PredictFields, url_instead=True) | {"security": KEY_SECURITY},
)
async def predict(request: Request) -> PredictionBody:
    """The recording's content is sniffed: its name and declared type do not matter."""
    return await _predict(request, PredictFields)


@router.post(
    PREDICT_LARGE,
    summary="Analyse a recording of up to 100 MB",
    response_model=PredictionBody,
    responses=_PREDICT_ANSWERS,
    openapi_extra=upload_body(LargeFileFields, url_instead=False) | {"security": KEY_SECURITY},
)
async def predict_large_file(request: Request) -> PredictionBody:
    """As `/v1/predict`; the file may come before or after the other fields."""
    return await _predict(request, LargeFileFields)


@router.get(
    "/v1/predictions",
    summary="List predictions, newest first",
    response_model=PageBody,
    response_model_exclude_unset=True,
    responses=_LIST_ANSWERS,
    openapi_extra={"security": KEY_SECURITY},
)
async def list_predictions(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=100, description="Most predictions on a page.")] = 20,
    cursor: Annotated[
        str | None, Query(max_length=200, description="`next_cursor` of the page before.")
    ] = None,
    status: Annotated[Status | None, Query(description="Only with this status.")] = None,
    result: Annotated[Result | None, Query(description="Only with this verdict.")] = None,
) -> PageBody:
    """The predictions of the key's owner."""
    tenant_id = tenant_of(request, Scope.READ)
    wanted = PredictionFilter(limit=limit, cursor=cursor, status=status, result=result)
    page = await Services.of(request.scope).predictions.list(tenant_id, wanted)
    return PageBody(
        predictions=[render_stored(prediction) for prediction in page.predictions],
        next_cursor=page.next_cursor,
    )


@router.get(
    "/v1/predictions/{prediction_id}",
    summary="Look up a prediction",
    response_model=StoredBody,
    response_model_exclude_unset=True,
    responses=_GET_ANSWERS,
    openapi_extra={"security": KEY_SECURITY},
)
async def get_prediction(request: Request, prediction_id: str) -> StoredBody:
    """The result as it was given, with its status."""
    tenant_id = tenant_of(request, Scope.READ)
    return render_stored(await Services.of(request.scope).files.get(tenant_id, prediction_id))


@router.delete(
    "/v1/predictions/{prediction_id}",
    summary="Delete a prediction",
    status_code=204,
    responses=_DELETE_ANSWERS,
    openapi_extra={"security": KEY_SECURITY},
)
async def delete_prediction(request: Request, prediction_id: str) -> Response:
    """The result is gone, with its recording and all work on it, and the id is free again."""
    tenant_id = tenant_of(request, Scope.DELETE)
    await Services.of(request.scope).files.delete(tenant_id, prediction_id)
    return Response(status_code=204)


async def _predict(request: Request, model: type[PredictFields]) -> PredictionBody:
    tenant_id = tenant_of(request, Scope.PREDICT)
    async with submission(request) as sent:
        fields = validated(model, sent.fields)
        wanted = prediction_request(fields, origin_of(request), sent_name(request))
        async with recording(request, sent, fields.presigned_url) as media:
            predictions = Services.of(request.scope).predictions
            return render(await predictions.predict(tenant_id, media, wanted))


def tenant_of(request: Request, scope: Scope) -> str:
    """The caller's tenant. Raises Forbidden when the key lacks `scope`."""
    key = Exchange.of(request.scope).api_key
    key.require(scope)
    return key.tenant_id


def prediction_request(
    fields: AnalysisFields, origin: Origin, name: str | None
) -> PredictionRequest:
    """What the fields ask for; a device that is not known becomes a warning."""
    model = fields.model or DEFAULT_MODEL
    known = fields.device is None or fields.device in DEVICES
    return PredictionRequest(
        options=AnalysisOptions(
            model, fields.threshold, fields.silence_threshold, channels=fields.channels
        ),
        model=ECHOED_AS.get(model, model),
        prediction_id=fields.prediction_id,
        device=fields.device if known else None,
        warnings=() if known else (_unknown_device(fields.device or ""),),
        name=name,
        origin=origin,
    )


def _unknown_device(device: str) -> str:
    return f"Unknown device '{device[:LONGEST_ECHO]}' ignored; known are {', '.join(DEVICES)}"


def render(prediction: Prediction) -> PredictionBody:
    """The body of a completed prediction."""
    analysis = prediction.completed
    threshold = analysis.threshold
    return PredictionBody(
        prediction_id=prediction.id,
        verdict=_global(analysis.verdict, analysis.segments, threshold),
        segments=[_segment(segment, threshold) for segment in analysis.segments],
        model=prediction.model,
        model_version=analysis.model_id,
        processing_time=round(analysis.processing_time, 3),
        audio_duration=round(analysis.duration, 3),
        warnings=[*prediction.warnings, *analysis.warnings],
        channels=[
            ChannelBody(
                channel=part.channel,
                verdict=_global(part.verdict, part.segments, threshold),
                segments=[_segment(segment, threshold) for segment in part.segments],
            )
            for part in analysis.channels
        ],
        calibration=analysis.calibration,
        generator=analysis.generator
        and GeneratorBody(
            family=analysis.generator.family, confidence=analysis.generator.confidence
        ),
    )


def render_stored(prediction: Prediction) -> StoredBody:
    """The body of a kept prediction, completed or not."""
    progress = prediction.progress
    done = prediction.status is Status.COMPLETED
    state: dict[str, Any] = {
        "status": prediction.status,
        "progress": 1.0 if done else round(progress.share, 4),
        "created_at": prediction.created_at,
        "device": prediction.device,
    }
    if prediction.status is Status.PROCESSING and progress.segments:
        state["partial"] = PartialBody(
            seconds=round(progress.seconds, 3),
            segments=progress.segments,
            spoofed_segments=progress.spoofed,
        )
    if prediction.failure is not None:
        failure = prediction.failure
        state["error"] = FailureBody(error=failure.error, message=failure.message)
    if prediction.analysis is None:
        return StoredBody(prediction_id=prediction.id, **state)
    return StoredBody(**dict(render(prediction)), **state)


def _global(verdict: Verdict, segments: Sequence[Segment], threshold: float) -> GlobalBody:
    return GlobalBody(
        score=_score(verdict.spoof_llr),
        confidence=_rounded(overall_confidence(segments, threshold)),
        result=verdict.result,
        reason=verdict.reason,
    )


def _segment(segment: Segment, threshold: float) -> SegmentBody:
    llr = segment.spoof_llr
    probability = None if llr is None else spoof_probability(llr)
    return SegmentBody(
        index=segment.index,
        start=round(segment.start, 3),
        end=round(segment.end, 3),
        scores=[] if probability is None else [round(probability, DECIMALS)],
        confidence=None
        if probability is None
        else round(confidence(probability, threshold), DECIMALS),
        result=segment.result,
        reason=segment.reason,
    )


def _score(spoof_llr: float | None) -> float | None:
    return None if spoof_llr is None else round(spoof_probability(spoof_llr), DECIMALS)


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, DECIMALS)
