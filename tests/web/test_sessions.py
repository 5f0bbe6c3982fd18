"""Signing in and out, sign-in links, form tokens, and what browsers are told."""

import re
from html.parser import HTMLParser

import httpx
import pytest

from tests.http_factory import Server
from tests.web_factory import PASSWORD, Person, browser, form_token, invite, signed_in
from veravox.users import Role
from veravox.web.pages import STATIC
from veravox.web.visitors import COOKIE


class Elements(HTMLParser):
    """The elements of a page with their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


PAGES = (
    "/",
    "/live",
    "/recordings",
    "/voices",
    "/webhooks",
    "/keys",
    "/models",
    "/people",
    "/account",
)


@pytest.mark.parametrize("path", PAGES)
def test_who_is_not_signed_in_is_asked_to_and_led_back(stranger: httpx.Client, path: str) -> None:
    answer = stranger.get(path)
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"/sign-in?next={path.replace('/', '%2F')}"
    assert stranger.get(answer.headers["Location"]).status_code == 200


def test_a_script_that_is_not_signed_in_is_told_so(stranger: httpx.Client) -> None:
    answer = stranger.get("/recordings/x/state", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json()["message"]) == (401, "Please sign in")


def test_the_right_password_opens_the_wanted_page(server: Server, stranger: httpx.Client) -> None:
    signed_in(server, "grace").client.close()
    fields = {"name": "grace", "password": PASSWORD, "next": "/keys"}
    answer = stranger.post("/sign-in", data=fields)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/keys")
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert stranger.get("/keys").status_code == 200


@pytest.mark.parametrize("name", ["grace", "nobody"])
def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(
    stranger: httpx.Client, name: str
) -> None:
    answer = stranger.post("/sign-in", data={"name": name, "password": "wrong"})
    assert answer.status_code == 401
    assert "The name or the password is wrong" in answer.text
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:x"]
)
def test_signing_in_leads_to_no_other_site(stranger: httpx.Client, target: str) -> None:
    page = stranger.get("/sign-in", params={"next": target})
    assert '<input type="hidden" name="next" value="/">' in page.text


def test_guessing_a_password_is_slowed_down(stranger: httpx.Client) -> None:
    fields = {"name": "victim", "password": "guess"}
    statuses = [stranger.post("/sign-in", data=fields).status_code for _ in range(11)]
    assert statuses == [401] * 10 + [429]


def test_signing_out_ends_the_session_everywhere(server: Server) -> None:
    person = signed_in(server, "kay")
    stolen = browser(server)
    stolen.cookies.set(COOKIE, person.client.cookies[COOKIE])
    assert stolen.get("/").status_code == 200
    answer = person.send("/sign-out")
    assert answer.headers["Clear-Site-Data"] == '"storage"'
    assert stolen.get("/").status_code == 303
    person.client.close()
    stolen.close()


def test_a_sign_in_link_works_once(server: Server, stranger: httpx.Client) -> None:
    token = invite(server.settings, "new")
    assert stranger.post("/welcome/owner", data={"code": token}).json() == {"name": "new"}
    fields = {"code": token, "password": PASSWORD, "again": PASSWORD}
    assert stranger.post("/welcome", data=fields).status_code == 303
    assert "new" in stranger.get("/account").text
    again = stranger.post("/welcome", data=fields)
    assert again.status_code == 400
    assert "used before or has expired" in again.text


@pytest.mark.parametrize(
    ("password", "again", "message"),
    [("short", "short", "12 to 256"), (PASSWORD, PASSWORD + "x", "differ")],
)
def test_an_unusable_password_does_not_use_the_link_up(
    server: Server, stranger: httpx.Client, password: str, again: str, message: str
) -> None:
    token = invite(server.settings, f"new {message}")
    fields = {"code": token, "password": password, "again": again}
    assert message in stranger.post("/welcome", data=fields).text
    fields = {"code": token, "password": PASSWORD, "again": PASSWORD}
    assert stranger.post("/welcome", data=fields).status_code == 303


def test_a_changed_password_ends_all_other_sessions(server: Server) -> None:
    person = signed_in(server, "pat")
    elsewhere = browser(server)
    elsewhere.cookies.set(COOKIE, person.client.cookies[COOKIE])
    fields = {"present": PASSWORD, "new": "another long password", "again": "another long password"}
    assert person.send("/account/password", **fields | {"present": "wrong"}).status_code == 400
    assert person.send("/account/password", **fields).status_code == 303
    assert person.get("/").status_code == 200
    assert elsewhere.get("/").status_code == 303
    person.client.close()
    elsewhere.close()


@pytest.mark.parametrize(
    "path",
    ["/sign-out", "/keys", "/people", "/webhooks/secret", "/voices/erase", "/recordings/x/delete"],
)
def test_a_form_without_the_sessions_token_changes_nothing(admin: Person, path: str) -> None:
    assert admin.client.post(path, data={"csrf": "0" * 64, "name": "x"}).status_code == 403
    assert admin.client.post(path, data={"name": "x"}).status_code == 403


@pytest.mark.parametrize("path", ["/recordings", "/voices/enrol", "/voices/verify"])
def test_a_script_without_the_sessions_token_changes_nothing(admin: Person, path: str) -> None:
    assert admin.client.post(path, json={"filename": "x"}).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
def test_a_form_from_another_site_is_refused_even_with_the_token(
    server: Server, admin: Person, headers: dict[str, str]
) -> None:
    with httpx.Client(base_url=server.url, cookies=admin.client.cookies) as client:
        fields = {"csrf": admin.token, "name": "x", "plan": "free", "scope-read": "on"}
        assert client.post("/keys", data=fields, headers=headers).status_code == 403
        sign_in = {"name": "ada", "password": PASSWORD}
        assert client.post("/sign-in", data=sign_in, headers=headers).status_code == 403


def test_an_old_browser_is_known_by_its_origin(server: Server, admin: Person) -> None:
    with httpx.Client(base_url=server.url, cookies=admin.client.cookies) as client:
        fields = {"csrf": admin.token, "truth": "unknown"}
        answer = client.post("/recordings/x/feedback", data=fields, headers={"Origin": server.url})
        assert answer.status_code == 303


def test_every_session_has_a_form_token_of_its_own(admin: Person, outsider: Person) -> None:
    assert admin.token != outsider.token
    assert form_token(admin.client) == admin.token


def test_a_cookie_opens_no_api_and_a_key_opens_no_page(server: Server, admin: Person) -> None:
    assert admin.get("/v1/predictions").status_code == 401
    with server.client() as client:
        assert client.get("/recordings").status_code == 303


@pytest.mark.parametrize("path", [*PAGES, "/sign-in", "/welcome", "/recordings/absent"])
def test_pages_load_nothing_from_elsewhere_and_hold_no_inline_code(
    admin: Person, path: str
) -> None:
    page = admin.get(path)
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'; style-src 'self';" in policy
    assert "unsafe" not in policy
    assert page.headers["X-Frame-Options"] == "DENY"
    assert page.headers["Referrer-Policy"] == "same-origin"
    assert page.headers["Cache-Control"] == "no-store"
    elements = Elements()
    elements.feed(page.text)
    for tag, attributes in elements.found:
        assert tag != "style"
        assert tag != "script" or "src" in attributes
        assert not [name for name in attributes if name == "style" or name.startswith("on")]
        address = attributes.get("src") or attributes.get("href") or "/"
        assert address.startswith(("/", "#")), address
        if address.startswith("/static/"):
            assert admin.get(address).status_code == 200, address


def test_every_file_of_the_pages_is_served(stranger: httpx.Client) -> None:
    for file in STATIC.iterdir():
        answer = stranger.get(f"/static/{file.name}")
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "no-cache"


def test_a_disabled_person_is_out_at_once(server: Server, admin: Person) -> None:
    person = signed_in(server, "dan", role=Role.MEMBER)
    card = _card(admin.get("/people").text, "dan")
    user_id = re.findall(r"/people/(user_\w+)/disable", card)[0]
    assert admin.send(f"/people/{user_id}/disable").status_code == 303
    assert person.get("/").status_code == 303
    assert admin.send(f"/people/{user_id}/enable").status_code == 303
    person.client.close()


def _card(page: str, name: str) -> str:
    """The part of the page of people that is about one of them."""
    return next(card for card in page.split('<li class="card') if f"<h2>{name}</h2>" in card)
