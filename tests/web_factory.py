"""People for tests, and what a browser does for them without scripts."""

import asyncio
import re
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from tests.http_factory import CLIENT_SECONDS, Server
from veravox.cli.users import open_users
from veravox.settings import Settings
from veravox.users import Role, SignedIn, SignInLink
from veravox.web.visitors import COOKIE

T = TypeVar("T")

PASSWORD = "correct horse battery staple"
TOKEN = re.compile(r'name="csrf-token" content="([0-9a-f]{64})"')


def finished(work: Coroutine[Any, Any, T]) -> T:
    """What `work` comes to, in a loop of its own; this thread may have one already."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


async def link_for(settings: Settings, name: str, tenant_id: str, role: Role) -> SignInLink:
    """A link for a new person."""
    async with open_users(settings) as users:
        user = await users.create(tenant_id, name, role)
        return await users.link(None, user.id)


def invite(settings: Settings, name: str, tenant_id: str = "acme", role: Role = Role.ADMIN) -> str:
    """The secret of a link for a new person."""
    return finished(link_for(settings, name, tenant_id, role)).token


@dataclass(frozen=True)
class Person:
    """A signed-in person: a client that keeps their cookie, and their form token."""

    name: str
    tenant_id: str
    client: httpx.Client
    token: str

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.client.get(path, **options)

    def send(self, path: str, **fields: str) -> httpx.Response:
        """Submit a form."""
        return self.client.post(path, data={"csrf": self.token} | fields)

    def call(self, path: str, **options: Any) -> httpx.Response:
        """What a script of ours sends."""
        headers = {"X-CSRF-Token": self.token, "Accept": "application/json"}
        return self.client.post(path, headers=headers, **options)

    def analyse(self, content: bytes, name: str = "call.wav", **settings: Any) -> str:
        """Upload a recording as the page does; its id."""
        announced = {"filename": name, "size": len(content)} | settings
        created = self.call("/recordings", json=announced)
        assert created.status_code == 201, created.text
        upload = created.json()["upload"]
        assert self.client.put(upload["url"], content=content).status_code == 200
        return created.json()["prediction_id"]


def browser(server: Server) -> httpx.Client:
    """A client without a session, which says where its forms come from as browsers do."""
    headers = {"Sec-Fetch-Site": "same-origin"}
    return httpx.Client(base_url=server.url, headers=headers, timeout=CLIENT_SECONDS)


def signed_in(
    server: Server, name: str, tenant_id: str = "acme", role: Role = Role.ADMIN
) -> Person:
    """A new person of a tenant, with the password PASSWORD."""

    async def begin() -> SignedIn:
        link = await link_for(server.settings, name, tenant_id, role)
        async with open_users(server.settings) as users:
            return await users.redeem(link.token, PASSWORD)

    client = browser(server)
    client.cookies.set(COOKIE, finished(begin()).token)
    return Person(name, tenant_id, client, form_token(client))


def form_token(client: httpx.Client) -> str:
    found = TOKEN.search(client.get("/account").text)
    assert found
    return found.group(1)
