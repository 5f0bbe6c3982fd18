"""API keys: made, shown once, measured against their limits, and revoked."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from fastapi import APIRouter, Request
from fastapi.responses import Response

from veravox.accounts import ApiKey, CreatedKey, Plan, RateUsage, Scope
from veravox.detection.verdict import Result
from veravox.errors import InvalidRequest
from veravox.http.services import Services
from veravox.web import wording
from veravox.web.view import back_to, view
from veravox.web.visitors import Visitor, administering, visitor

SCOPES = {
    Scope.PREDICT: "analyse recordings",
    Scope.READ: "read results",
    Scope.DELETE: "delete results and recordings",
    Scope.VOICE: "enrol and compare voices",
    Scope.VOICE_ERASE: "erase voices",
}
LIFETIMES = {"": None, "30": timedelta(days=30), "90": timedelta(days=90), "365": timedelta(365)}
USAGE_DAYS = 30

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class ShownKey:
    """A key, whether it works, and its usage where that is known."""

    key: ApiKey
    active: bool
    usage: RateUsage | None

    @property
    def used(self) -> int | None:
        """Requests of the last 60 seconds."""
        return None if self.usage is None else self.usage.limit - self.usage.remaining


@router.get("/keys")
async def keys_page(request: Request) -> Response:
    """All keys of the tenant."""
    return await _page(request, await visitor(request), None)


@router.post("/keys")
async def create_key(request: Request) -> Response:
    """A new key, shown on this one page only."""
    found, fields = await administering(request)
    if fields.get("plan") not in set(Plan) or fields.get("lifetime", "") not in LIFETIMES:
        raise InvalidRequest("Choose a plan and a lifetime from the lists")
    created = await Services.of(request.scope).accounts.create_key(
        fields.get("name", "").strip(),
        Plan(fields["plan"]),
        tenant_id=found.tenant_id,
        scopes=[scope for scope in Scope if f"scope-{scope}" in fields],
        expires_in=LIFETIMES[fields.get("lifetime", "")],
    )
    return await _page(request, found, created)


@router.post("/keys/{key_id}/revoke")
async def revoke_key(request: Request, key_id: str) -> Response:
    """The key ends with the next request."""
    found, _ = await administering(request)
    await Services.of(request.scope).accounts.revoke_key(key_id, found.tenant_id)
    return back_to("/keys")


async def _page(request: Request, found: Visitor, created: CreatedKey | None) -> Response:
    services = Services.of(request.scope)
    now = datetime.now(UTC)
    keys = await services.accounts.list_keys(found.tenant_id)
    shown = [
        ShownKey(key, active, await services.quota.usage(key) if active else None)
        for key in reversed(keys)
        for active in (key.is_active(now),)
    ]
    since = now - timedelta(days=USAGE_DAYS)
    counts = await services.predictions.count_by_result(found.tenant_id, since)
    return view(
        request,
        found,
        "keys.html",
        "keys",
        keys=shown,
        created=created,
        plans=list(Plan),
        scopes=SCOPES,
        counts=[
            (wording.short_verdict(result), counts.get(result, 0)) for result in (*Result, None)
        ],
        days=USAGE_DAYS,
        shared=services.settings.redis_url is not None or services.settings.workers == 1,
    )
