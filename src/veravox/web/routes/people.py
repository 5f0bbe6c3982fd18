"""The people of a tenant."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from veravox.errors import InvalidRequest
from veravox.http.addresses import absolute
from veravox.http.services import Services
from veravox.users import Role, SignInLink
from veravox.web.view import back_to, view
from veravox.web.visitors import Visitor, administering, administrator

router = APIRouter(include_in_schema=False)


@router.get("/people")
async def people_page(request: Request) -> Response:
    """Everyone, for administrators."""
    return await _page(request, await administrator(request), None)


@router.post("/people")
async def invite(request: Request) -> Response:
    """A new person, and a link to send to them."""
    found, fields = await administering(request)
    if fields.get("role") not in set(Role):
        raise InvalidRequest("Choose a role from the list")
    users = Services.of(request.scope).users
    user = await users.create(found.tenant_id, fields.get("name", ""), Role(fields["role"]))
    return await _page(request, found, await users.link(found.tenant_id, user.id))


@router.post("/people/{user_id}/link")
async def new_link(request: Request, user_id: str) -> Response:
    """A link for someone who forgot the password or lost the first link."""
    found, _ = await administering(request)
    link = await Services.of(request.scope).users.link(found.tenant_id, user_id)
    return await _page(request, found, link)


@router.post("/people/{user_id}/disable")
async def disable(request: Request, user_id: str) -> Response:
    """Keep someone out."""
    found, _ = await administering(request)
    await Services.of(request.scope).users.disable(found.tenant_id, user_id)
    return back_to("/people")


@router.post("/people/{user_id}/enable")
async def enable(request: Request, user_id: str) -> Response:
    """Let someone in again."""
    found, _ = await administering(request)
    await Services.of(request.scope).users.enable(found.tenant_id, user_id)
    return back_to("/people")


async def _page(request: Request, found: Visitor, link: SignInLink | None) -> Response:
    people = await Services.of(request.scope).users.list(found.tenant_id)
    url = None if link is None else absolute(request, f"/welcome#{link.token}")
    context = {"people": people, "link": link, "url": url, "roles": list(Role)}
    return view(request, found, "people.html", "people", **context)
