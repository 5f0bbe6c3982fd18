"""Listening to a microphone, in which somebody speaks."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import WAIT_MS, choose_password
from tests.browser.seeing import assert_accessible, assert_accessible_everywhere
from tests.http_factory import Server
from tests.proxy import Proxy
from tests.receiver import wait_until
from tests.web_factory import invite

START, STOP = "Start listening", "Stop"


@pytest.fixture
def elsewhere(chromium: Browser, server: Server) -> Iterator[BrowserContext]:
    """A browser that does not give its microphone away."""
    context = chromium.new_context(base_url=server.url)
    context.set_default_timeout(WAIT_MS)
    yield context
    context.close()


def signed_in_page(context: BrowserContext, server: Server, name: str, url: str = "") -> Page:
    page = context.new_page()
    page.goto(f"{url}/welcome#{invite(server.settings, name)}")
    choose_password(page)
    page.wait_for_url(f"{url or server.url}/")
    page.goto(f"{url}/live")
    return page


def listen(page: Page) -> None:
    """Press the button and wait for the first window."""
    page.get_by_role("button", name=START).click()
    expect(page.locator(".segment")).to_have_count(1)


def test_a_live_voice_is_followed_from_the_first_word_to_the_result(page: Page) -> None:
    page.goto("/")
    page.get_by_role("link", name="Live", exact=True).click()
    expect(page.get_by_text("your browser asks whether this page may use")).to_be_visible()
    expect(page.get_by_role("button", name=START)).to_be_enabled()
    page.get_by_role("button", name=START).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name=STOP)).to_be_focused()
    expect(page.get_by_text("Listening. The first verdict comes")).to_be_visible()
    wait_until(lambda: page.locator("[data-level]").evaluate("meter => meter.value > 0.02"), 30)
    expect(page.get_by_role("heading", name="Likely genuine so far")).to_be_visible()
    expect(page.get_by_text("probability of synthesis")).to_be_visible()
    expect(page.get_by_text(re.compile(r"^Confidence 0\.\d\d, "))).to_be_visible()
    expect(page.locator("[data-detail]")).to_contain_text("0:00 to 0:05")
    assert_accessible(page)
    expect(page.locator(".segment")).to_have_count(2)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Likely genuine", exact=True)).to_be_visible()
    page.locator(".segment").first.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("[data-detail]")).to_contain_text(re.compile(r"^0:05.* to 0:1"))
    assert_accessible_everywhere(page)
    page.get_by_role("link", name="See the whole result").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Live ")
    expect(page.locator("[data-wave]")).to_be_visible()


def test_a_refused_microphone_is_explained_and_can_be_allowed(
    elsewhere: BrowserContext, server: Server
) -> None:
    page = signed_in_page(elsewhere, server, "shy")
    page.get_by_role("button", name=START).click()
    alert = page.get_by_role("alert").filter(has_text="did not let this page use the microphone")
    expect(alert).to_be_visible()
    assert_accessible(page)
    elsewhere.grant_permissions(["microphone"])
    listen(page)
    expect(alert).to_be_hidden()


def test_a_page_over_plain_http_says_why_it_cannot_listen(
    elsewhere: BrowserContext, server: Server
) -> None:
    url = f"http://veravox.test:{server.port}"
    page = signed_in_page(elsewhere, server, "remote", url)
    expect(page.get_by_text("only to pages that come over https")).to_be_visible()
    expect(page.get_by_role("button", name=START)).to_be_disabled()


def test_a_server_that_goes_away_leaves_the_recording_with_the_browser(
    elsewhere: BrowserContext, server: Server, tmp_path: Path
) -> None:
    elsewhere.grant_permissions(["microphone"])
    with Proxy(server.port).running() as proxy:
        url = f"http://127.0.0.1:{proxy.port}"
        page = signed_in_page(elsewhere, server, "unlucky", url)
        listen(page)
        proxy.cut()
        expect(page.get_by_text("The connection to the server broke.")).to_be_visible()
        expect(page.get_by_role("heading", name="No final verdict")).to_be_visible()
        assert_accessible(page)
        with page.expect_download() as download:
            page.get_by_role("link", name="Save the recording").click()
        saved = tmp_path / "live.wav"
        download.value.save_as(saved)
        proxy.mend()
        page.goto(f"{url}/")
        page.locator("[data-files]").set_input_files(saved)
        page.wait_for_url("**/recordings/pred_*")
        expect(page.get_by_role("heading", name="Likely genuine")).to_be_visible()


def test_who_signed_out_elsewhere_is_asked_to_sign_in(
    elsewhere: BrowserContext, server: Server
) -> None:
    elsewhere.grant_permissions(["microphone"])
    page = signed_in_page(elsewhere, server, "gone")
    elsewhere.clear_cookies()
    page.get_by_role("button", name=START).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_the_meter_calms_down_for_who_wants_less_motion(page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")
    page.goto("/live")
    page.evaluate(
        """() => {
            window.changes = 0;
            new MutationObserver(records => { window.changes += records.length; })
                .observe(document.querySelector("[data-level]"), { attributeFilter: ["value"] });
        }"""
    )
    listen(page)
    assert 1 <= page.evaluate("window.changes") <= 8
    page.get_by_role("button", name=STOP).click()
    expect(page.get_by_role("link", name="See the whole result")).to_be_visible()
