"""Webhooks: how to ask for them, their secret, and the log of deliveries."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from veravox.errors import InvalidRequest
from veravox.http.services import Services
from veravox.web.view import back_to, view
from veravox.web.visitors import Visitor, administering, submitter, visitor
from veravox.webhooks.delivery import DeliveryFilter, DeliveryStatus

PAGE = 25

router = APIRouter(include_in_schema=False)


@router.get("/webhooks")
async def webhooks_page(
    request: Request,
    status: str = "",
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """The log."""
    return await _page(request, await visitor(request), status, cursor)


@router.post("/webhooks/secret")
async def show_secret(request: Request) -> Response:
    """The signing secret, on this one page only."""
    found, fields = await administering(request)
    secrets = Services.of(request.scope).webhooks.secrets
    renew = fields.get("renew") == "yes"
    secret = await (secrets.renew if renew else secrets.get)(found.tenant_id)
    return await _page(request, found, "", None, secret)


@router.post("/webhooks/{delivery_id}/replay")
async def replay(request: Request, delivery_id: str) -> Response:
    """Send one again."""
    found, _ = await submitter(request)
    await Services.of(request.scope).webhooks.replay(found.tenant_id, delivery_id)
    return back_to("/webhooks")


async def _page(
    request: Request, found: Visitor, status: str, cursor: str | None, secret: str | None = None
) -> Response:
    if status and status not in set(DeliveryStatus):
        raise InvalidRequest("Choose a status from the list")
    services = Services.of(request.scope)
    wanted = DeliveryFilter(PAGE, cursor, DeliveryStatus(status) if status else None)
    listed = await services.webhooks.list(found.tenant_id, wanted)
    more = (
        urlencode({"status": status, "cursor": listed.next_cursor}) if listed.next_cursor else None
    )
    return view(
        request,
        found,
        "webhooks.html",
        "webhooks",
        deliveries=listed.deliveries,
        more=more,
        status=status,
        statuses=list(DeliveryStatus),
        hosts=services.settings.webhook_hosts,
        secret=secret,
    )
