"""Signing in by an OpenID Connect provider: a real one, as small as can be."""

import base64
import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse
from starlette.routing import Route

from tests.http_factory import Server, serving, settings_for
from tests.web_factory import browser, invite
from veravox.users import Role

CLIENT_ID = "veravox"
CLIENT_SECRET = "provider-secret"
NAME = "ann@example.com"


@dataclass
class Provider:
    """A provider that vouches for `claims` at once; `audience` is whom its tokens are for."""

    url: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    audience: str = CLIENT_ID
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "1"}))
    asked: dict[str, dict[str, str]] = field(default_factory=dict)

    async def configuration(self, request: Request) -> JSONResponse:
        return JSONResponse(
            {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys",
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        )

    async def keys(self, request: Request) -> JSONResponse:
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    async def authorize(self, request: Request) -> RedirectResponse:
        asked = dict(request.query_params)
        code = f"code-{len(self.asked)}"
        self.asked[code] = asked
        return RedirectResponse(f"{asked['redirect_uri']}?code={code}&state={asked['state']}")

    async def token(self, request: Request) -> JSONResponse:
        form = await request.form()
        asked = self.asked.pop(str(form["code"]))
        verifier = hashlib.sha256(str(form["code_verifier"]).encode()).digest()
        assert base64.urlsafe_b64encode(verifier).decode().rstrip("=") == asked["code_challenge"]
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": self.audience,
            "sub": "1",
            "iat": now,
            "exp": now + 60,
            "nonce": asked["nonce"],
        }
        signed = jwt.encode({"alg": "RS256", "kid": "1"}, claims | self.claims, self.key)
        return JSONResponse({"access_token": "x", "token_type": "Bearer", "id_token": signed})


@contextmanager
def providing() -> Iterator[Provider]:
    provider = Provider()
    routes = [
        Route("/.well-known/openid-configuration", provider.configuration),
        Route("/keys", provider.keys),
        Route("/authorize", provider.authorize),
        Route("/token", provider.token, methods=["POST"]),
    ]
    config = uvicorn.Config(Starlette(routes=routes), port=0, ws="none", log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    provider.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        yield provider
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with providing() as provider:
        yield provider


@pytest.fixture(scope="module")
def server(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = settings_for(
        tmp_path_factory.mktemp("server"),
        oidc_issuer=provider.url,
        oidc_client_id=CLIENT_ID,
        oidc_client_secret=CLIENT_SECRET,
        oidc_label="Example Inc.",
    )
    invite(settings, NAME, role=Role.MEMBER)
    with serving(settings) as server:
        yield server


@pytest.fixture
def known(provider: Provider) -> Provider:
    """The provider, vouching for somebody who has an account."""
    provider.claims = {"email": NAME, "email_verified": True}
    provider.audience = CLIENT_ID
    return provider


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with browser(server) as client:
        yield client


def sign_in(client: httpx.Client, target: str = "/") -> httpx.Response:
    return client.get("/sign-in/oidc", params={"next": target}, follow_redirects=True)


def test_who_is_known_comes_in_and_reaches_the_wanted_page(
    client: httpx.Client, known: Provider
) -> None:
    assert "Sign in with Example Inc." in client.get("/sign-in").text
    answer = sign_in(client, "/keys")
    assert answer.url.path == "/keys"
    assert NAME in answer.text
    assert client.get("/recordings").status_code == 200


@pytest.mark.parametrize(
    ("claims", "message"),
    [
        ({"email": "eve@example.com", "email_verified": True}, "has no account here"),
        ({"email": NAME, "email_verified": False}, "has not verified"),
        ({"email": NAME}, "has not verified"),
        ({}, "did not tell your"),
        ({"email": NAME, "email_verified": True, "nonce": "another"}, "did not sign you in"),
        ({"email": NAME, "email_verified": True, "exp": 1}, "did not sign you in"),
        ({"email": NAME, "email_verified": True, "iss": "https://evil"}, "did not sign you in"),
    ],
)
def test_who_is_not_vouched_for_stays_out(
    client: httpx.Client, known: Provider, claims: dict[str, Any], message: str
) -> None:
    known.claims = claims
    answer = sign_in(client)
    assert answer.status_code == 401
    assert message in answer.text
    assert client.get("/").status_code == 303


def test_a_token_for_another_server_is_refused(client: httpx.Client, known: Provider) -> None:
    known.audience = "another"
    assert sign_in(client).status_code == 401


def test_an_answer_that_another_browser_asked_for_is_refused(
    server: Server, client: httpx.Client, known: Provider
) -> None:
    away = client.get("/sign-in/oidc").headers["Location"]
    back = httpx.get(away).headers["Location"]
    assert parse_qs(urlsplit(away).query)["code_challenge_method"] == ["S256"]
    with browser(server) as victim:
        assert victim.get(back).status_code == 401
