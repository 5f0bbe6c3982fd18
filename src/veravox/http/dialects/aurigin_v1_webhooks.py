"""Aurigin's API, version 1: the log of webhooks, and what a webhook says."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from veravox.accounts import Scope
from veravox.http.dialects.aurigin_v1 import render_stored, tenant_of
from veravox.http.openapi import KEY_SECURITY, answers
from veravox.http.problems import ProblemBody, documented
from veravox.http.services import Services
from veravox.predictions import Prediction
from veravox.webhooks.delivery import Attempt, Delivery, DeliveryFilter, DeliveryStatus


class AttemptBody(BaseModel):
    """One request to the receiver: what it answered, or the error that kept it from answering."""

    started_at: datetime
    seconds: float
    status_code: int | None
    error: str | None


class DeliveryBody(BaseModel):
    """A webhook; `next_attempt_at` is null once it is not pending. Attempts are oldest first."""

    id: str
    prediction_id: str
    url: str
    status: DeliveryStatus
    created_at: datetime
    next_attempt_at: datetime | None
    finished_at: datetime | None
    attempts: list[AttemptBody]


class DeliveriesBody(BaseModel):
    """Webhooks, newest first; pass `next_cursor` as `cursor` to go on."""

    deliveries: list[DeliveryBody]
    next_cursor: str | None


_EXAMPLE: dict[str, Any] = {
    "id": "whd_5f0c3b1a9d7e2c4f6a8b0d1e",
    "prediction_id": "pred_9b6ff057a7f7",
    "url": "https://example.com/veravox",
    "status": "pending",
    "created_at": "2026-11-21T09:30:00Z",
    "next_attempt_at": "2026-11-21T09:30:06Z",
    "finished_at": None,
    "attempts": [
        {
            "started_at": "2026-11-21T09:30:00Z",
            "seconds": 0.21,
            "status_code": 503,
            "error": None,
        }
    ],
}
_ERRORS = {
    401: ("The key is missing, unknown, revoked or expired.", "Invalid or inactive API key"),
    403: ("The key lacks the scope.", "This API key lacks the scope 'read'"),
    429: ("A limit of the plan is reached.", "Rate limit exceeded: 10/10 per minute"),
    500: ("A bug.", "Internal server error"),
}
_LIST_ERRORS = {400: ("A parameter is wrong.", "limit: must be at most 100")}
_NOT_FOUND = {404: ("There is no such delivery.", "No delivery has the id 'whd_17'")}

router = APIRouter(tags=["Aurigin v1"])


@router.get(
    "/v1/webhooks/deliveries",
    summary="List webhooks, newest first",
    response_model=DeliveriesBody,
    responses=answers(
        {"deliveries": [_EXAMPLE], "next_cursor": None},
        ProblemBody,
        documented(_ERRORS | _LIST_ERRORS),
    ),
    openapi_extra={"security": KEY_SECURITY},
)
async def list_deliveries(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=100, description="Most webhooks on a page.")] = 20,
    cursor: Annotated[
        str | None, Query(max_length=200, description="`next_cursor` of the page before.")
    ] = None,
    status: Annotated[DeliveryStatus | None, Query(description="Only with this status.")] = None,
    prediction_id: Annotated[
        str | None, Query(max_length=64, description="Only of this prediction.")
    ] = None,
) -> DeliveriesBody:
    """What the key owner's receivers were told, and how they answered. Kept for 30 days."""
    tenant_id = tenant_of(request, Scope.READ)
    wanted = DeliveryFilter(limit, cursor, status, prediction_id)
    page = await Services.of(request.scope).webhooks.list(tenant_id, wanted)
    return DeliveriesBody(
        deliveries=[_render(delivery) for delivery in page.deliveries],
        next_cursor=page.next_cursor,
    )


@router.post(
    "/v1/webhooks/deliveries/{delivery_id}/replay",
    summary="Send a webhook again",
    response_model=DeliveryBody,
    responses=answers(_EXAMPLE, ProblemBody, documented(_ERRORS | _NOT_FOUND)),
    openapi_extra={"security": KEY_SECURITY},
)
async def replay_delivery(request: Request, delivery_id: str) -> DeliveryBody:
    """At once, whatever became of it before; then it is retried for another 24 hours."""
    tenant_id = tenant_of(request, Scope.PREDICT)
    return _render(await Services.of(request.scope).webhooks.replay(tenant_id, delivery_id))


def webhook_body(prediction: Prediction) -> bytes:
    """What a webhook says: the body of `GET /v1/predictions/{id}`."""
    return render_stored(prediction).model_dump_json(exclude_unset=True).encode()


def _render(delivery: Delivery) -> DeliveryBody:
    return DeliveryBody(
        id=delivery.id,
        prediction_id=delivery.prediction_id,
        url=delivery.url,
        status=delivery.status,
        created_at=delivery.created_at,
        next_attempt_at=delivery.next_attempt_at,
        finished_at=delivery.finished_at,
        attempts=[_render_attempt(attempt) for attempt in delivery.attempts],
    )


def _render_attempt(attempt: Attempt) -> AttemptBody:
    return AttemptBody(
        started_at=attempt.started_at,
        seconds=round(attempt.seconds, 3),
        status_code=attempt.status_code,
        error=attempt.error,
    )
