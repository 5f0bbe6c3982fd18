"""Analysing recordings, following them, looking at results, and the history."""

import shlex
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from veravox.analysis import Analysis, AnalysisOptions
from veravox.detection.verdict import Result
from veravox.errors import InvalidRequest
from veravox.feedback import Truth
from veravox.files import FileRequest
from veravox.http.addresses import absolute
from veravox.http.dialects.aurigin_v1 import prediction_request, render_stored
from veravox.http.dialects.aurigin_v1_files import FileFields, created_body
from veravox.http.dialects.aurigin_v1_reports import PDF, report_file
from veravox.http.forms import json_fields, validated
from veravox.http.origin import call_of
from veravox.http.services import Services
from veravox.predictions import UNFINISHED, Origin, Prediction, PredictionFilter, Status
from veravox.settings import GIBIBYTE
from veravox.web import wording
from veravox.web.view import back_to, view
from veravox.web.visitors import PLAN, caller, submitter, visitor

RECENT = 5
PAGE = 25
LONGEST_SEARCH = 100
DEFAULTS = AnalysisOptions()

router = APIRouter(include_in_schema=False)


@router.get("/")
async def start_page(request: Request) -> Response:
    """Drop or record something, and what came last."""
    found = await visitor(request)
    services = Services.of(request.scope)
    recent = await services.predictions.list(found.tenant_id, PredictionFilter(limit=RECENT))
    return view(
        request,
        found,
        "start.html",
        "start",
        recent=recent.predictions,
        words=wording,
        models=services.analyser.models.cards(),
        largest=services.settings.max_file_gb * GIBIBYTE,
        webhooks=bool(services.settings.webhook_hosts),
    )


@router.post("/recordings")
async def announce(request: Request) -> JSONResponse:
    """As `POST /v1/file`, for whoever is signed in."""
    found = await caller(request)
    services = Services.of(request.scope)
    await services.quota.count(found.quota, PLAN.limits.requests_per_minute)
    fields = validated(FileFields, await json_fields(request))
    services.analyser.models.card(fields.model)
    if fields.webhook_url is not None:
        services.webhooks.check_url(fields.webhook_url)
    wanted = FileRequest(
        prediction=prediction_request(fields, Origin(call_of(request)), fields.filename),
        name=fields.filename,
        size=fields.size,
        content_type=fields.content_type,
        webhook_url=fields.webhook_url,
    )
    created = await services.files.create(found.tenant_id, PLAN, wanted)
    return JSONResponse(created_body(created, request).model_dump(mode="json"), 201)


@router.get("/recordings")
async def history_page(
    request: Request,
    search: Annotated[str, Query(max_length=LONGEST_SEARCH)] = "",
    result: str = "",
    status: str = "",
    since: str = "",
    until: str = "",
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """All recordings, with filters."""
    found = await visitor(request)
    chosen = {"search": search, "result": result, "status": status, "since": since, "until": until}
    wanted = PredictionFilter(
        limit=PAGE,
        cursor=cursor,
        status=_choice(Status, status),
        result=_choice(Result, result),
        search=search.strip() or None,
        since=_day(since),
        before=_after(_day(until)),
    )
    listed = await Services.of(request.scope).predictions.list(found.tenant_id, wanted)
    more = urlencode({**chosen, "cursor": listed.next_cursor}) if listed.next_cursor else None
    return view(
        request,
        found,
        "history.html",
        "history",
        listed=listed.predictions,
        chosen=chosen,
        more=more,
        first=cursor is None,
        words=wording,
        results=list(Result),
        statuses=list(Status),
    )


@router.get("/recordings/feedback.csv")
async def feedback_manifest(request: Request) -> Response:
    """All feedback as a manifest for `veravox evaluate` and calibration."""
    found = await visitor(request)
    manifest = await Services.of(request.scope).feedback.manifest(found.tenant_id)
    headers = {"Content-Disposition": 'attachment; filename="feedback.csv"'}
    return PlainTextResponse(manifest, headers=headers, media_type="text/csv")


@router.get("/recordings/{prediction_id}")
async def recording_page(request: Request, prediction_id: str) -> Response:
    """A recording: how far it has come, or what came of it."""
    found = await visitor(request)
    services = Services.of(request.scope)
    prediction = await services.files.get(found.tenant_id, prediction_id)
    context: dict[str, Any] = {
        "prediction": prediction,
        "unfinished": prediction.status in UNFINISHED,
    }
    if prediction.analysis is None:
        return view(request, found, "progress.html", "history", **context)
    context["feedback"] = await services.feedback.get(found.tenant_id, prediction_id)
    context["audio"] = await _audio_url(services, found.tenant_id, prediction_id)
    context |= _result(prediction, prediction.analysis, request)
    return view(request, found, "result.html", "history", **context)


@router.get("/recordings/{prediction_id}/state")
async def state(request: Request, prediction_id: str) -> Response:
    """As `GET /v1/predictions/{id}`, for whoever is signed in."""
    found = await visitor(request)
    prediction = await Services.of(request.scope).files.get(found.tenant_id, prediction_id)
    body = render_stored(prediction).model_dump_json(exclude_unset=True, indent=2)
    return Response(body, media_type="application/json")


@router.get("/recordings/{prediction_id}/report.pdf")
async def report_pdf(request: Request, prediction_id: str) -> Response:
    """As `GET /v1/predictions/{id}/report.pdf`, for whoever is signed in."""
    found = await visitor(request)
    content = await Services.of(request.scope).reports.pdf(found.tenant_id, prediction_id)
    return report_file(content, PDF, f"{prediction_id}.pdf")


@router.get("/recordings/{prediction_id}/report.json")
async def report_json(request: Request, prediction_id: str) -> Response:
    """As `GET /v1/predictions/{id}/report.json`, for whoever is signed in."""
    found = await visitor(request)
    content = await Services.of(request.scope).reports.json(found.tenant_id, prediction_id)
    return report_file(content, "application/json", f"{prediction_id}.report.json")


@router.post("/recordings/{prediction_id}/start")
async def start(request: Request, prediction_id: str) -> Response:
    """Say that all parts of a large recording are uploaded."""
    found = await caller(request)
    await Services.of(request.scope).files.start(found.tenant_id, prediction_id)
    return Response(status_code=204)


@router.post("/recordings/{prediction_id}/cancel")
async def cancel(request: Request, prediction_id: str) -> Response:
    """End an analysis."""
    found, _ = await submitter(request)
    await Services.of(request.scope).files.cancel(found.tenant_id, prediction_id)
    return back_to(f"/recordings/{prediction_id}")


@router.post("/recordings/{prediction_id}/delete")
async def delete(request: Request, prediction_id: str) -> Response:
    """Forget a recording and what came of it."""
    found, _ = await submitter(request)
    await Services.of(request.scope).files.delete(found.tenant_id, prediction_id)
    return back_to("/recordings")


@router.post("/recordings/{prediction_id}/feedback")
async def give_feedback(request: Request, prediction_id: str) -> Response:
    """Note what a recording really was, or take that back."""
    found, fields = await submitter(request)
    feedback = Services.of(request.scope).feedback
    truth = fields.get("truth", "")
    if truth == "unknown":
        await feedback.take_back(found.tenant_id, prediction_id)
    else:
        chosen = _choice(Truth, truth)
        if chosen is None:
            raise InvalidRequest("Say whether the recording was real or synthetic")
        note = fields.get("note", "")
        await feedback.note(found.tenant_id, prediction_id, chosen, note, found.user.name)
    return back_to(f"/recordings/{prediction_id}#feedback")


def _result(prediction: Prediction, analysis: Analysis, request: Request) -> Mapping[str, Any]:
    services = Services.of(request.scope)
    cards = {card.id: card for card in services.analyser.models.cards()}
    card = cards.get(analysis.model_id)
    return {
        "analysis": analysis,
        "verdict": wording.plain_verdict(analysis.verdict),
        "certainty": wording.certainty(analysis),
        "errors": None if card is None else wording.known_errors(card),
        "segments": wording.plain_segments(analysis.segments, analysis.threshold),
        "stretches": wording.synthetic_stretches(analysis.segments),
        "channels": [
            (
                part,
                wording.plain_verdict(part.verdict),
                wording.plain_segments(part.segments, analysis.threshold),
            )
            for part in analysis.channels
        ],
        "json": render_stored(prediction).model_dump_json(exclude_unset=True, indent=2),
        "generator": analysis.generator and wording.generator_family(analysis.generator),
        "curl": _curl(prediction, analysis, request),
    }


def _curl(prediction: Prediction, analysis: Analysis, request: Request) -> str:
    """A command that analyses the same recording in the same way."""
    fields = {"file": _curl_file(prediction.name or "recording.wav")} | _settings(
        prediction, analysis
    )
    shown = [f"-F {shlex.quote(f'{name}={value}')}" for name, value in fields.items()]
    url = absolute(request, "/v1/predict/large-file")
    return " \\\n  ".join(['curl -H "X-Api-Key: $VERAVOX_KEY"', *shown, url])


def _curl_file(name: str) -> str:
    """A file as curl's -F takes it; a comma or semicolon would end the name of a bare one."""
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'@"{escaped}"' if escaped != name or set(name) & set(",;") else f"@{name}"


def _settings(prediction: Prediction, analysis: Analysis) -> dict[str, str]:
    """What was asked for: the model and the threshold in force, and all that is not the default."""
    chosen = {"model": prediction.model, "threshold": repr(analysis.threshold)}
    if analysis.method and analysis.method.silence_threshold != DEFAULTS.silence_threshold:
        chosen["silence_threshold"] = f"{analysis.method.silence_threshold:g}"
    if analysis.channels:
        chosen["channels"] = "split"
    if prediction.device:
        chosen["device"] = prediction.device
    return chosen


async def _audio_url(services: Services, tenant_id: str, prediction_id: str) -> str | None:
    """Where the recording can be heard, None when it is not kept any more."""
    listed, _ = await services.files.list(tenant_id, f"analysis/{prediction_id}/", None, 1)
    return listed[0].url if listed else None


def _choice(kind: Any, text: str) -> Any:
    """The member of an enumeration, None for no choice. Raises InvalidRequest."""
    if not text:
        return None
    try:
        return kind(text)
    except ValueError:
        raise InvalidRequest(f"'{text[:LONGEST_SEARCH]}' is no {kind.__name__.lower()}") from None


def _day(text: str) -> datetime | None:
    """The beginning of a day (UTC). Raises InvalidRequest."""
    if not text:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise InvalidRequest(f"'{text[:LONGEST_SEARCH]}' is no date") from None


def _after(day: datetime | None) -> datetime | None:
    return None if day is None else day + timedelta(days=1)
