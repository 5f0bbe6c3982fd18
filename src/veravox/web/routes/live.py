"""Listening to a microphone: the page, and the WebSocket that it opens."""

from datetime import UTC, datetime
from typing import cast

from fastapi import APIRouter, Request, WebSocket
from fastapi.responses import Response

from veravox.http.services import Services
from veravox.streaming.conversation import converse
from veravox.streaming.websocket import SUBPROTOCOL, JsonLine
from veravox.streaming.websocket_calls import closing
from veravox.streams import Caller, KeptAs
from veravox.web.dashboard import LIVE
from veravox.web.live import LiveDialect
from veravox.web.rendering import moment
from veravox.web.view import view
from veravox.web.visitors import PLAN, ensure_own_page, ensure_token, visitor

PROTOCOL = "dashboard"
TOKEN_SUBPROTOCOL = "veravox.form."  # noqa: S105

router = APIRouter(include_in_schema=False)


@router.get(LIVE)
async def live_page(request: Request) -> Response:
    """A verdict on whoever speaks into the microphone, while they speak."""
    return view(request, await visitor(request), "live.html", "live")


@router.websocket(f"{LIVE}/stream")
async def listen(websocket: WebSocket) -> None:
    """As `/v1/stream`, for whoever is signed in, told in words.

    The form token comes as a subprotocol, the one thing that scripts can send with the request.
    """
    offered = cast(list[str], websocket.scope.get("subprotocols", []))
    await websocket.accept(SUBPROTOCOL if SUBPROTOCOL in offered else None)
    services = Services.of(websocket.scope)
    async with closing(websocket):
        ensure_own_page(websocket)
        services.ensure_open()
        found = await visitor(websocket)
        ensure_token(found, _token(offered))
        async with services.quota.place(found.quota, PLAN.limits):
            kept_as = KeptAs(name=f"Live {moment(datetime.now(UTC))}")
            caller = Caller(found.tenant_id)
            await converse(
                *(JsonLine(websocket), LiveDialect(), services.streams, caller, PROTOCOL, kept_as)
            )


def _token(offered: list[str]) -> str:
    """The form token among the subprotocols, empty without one."""
    tokens = (name for name in offered if name.startswith(TOKEN_SUBPROTOCOL))
    return next(tokens, "").removeprefix(TOKEN_SUBPROTOCOL)
