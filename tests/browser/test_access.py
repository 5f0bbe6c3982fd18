"""Every page for every eye: axe, three widths, light and dark, keyboard, less motion."""

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import analyse

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
WIDTHS = (390, 820, 1440)


def assert_accessible(page: Page) -> None:
    """Axe finds nothing wrong, and nothing sticks out of the page."""
    report = Axe().run(page).response
    found = {v["id"]: [node["html"] for node in v["nodes"]] for v in report["violations"]}
    assert found == {}
    assert len(report["passes"]) > 10
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", [*PAGES, "/sign-in", "/welcome"])
def test_pages_are_accessible_at_every_width(page: Page, path: str, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(path)
        assert_accessible(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_result_is_accessible_at_every_width(page: Page, recording: Path, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    analyse(page, recording)
    expect(page.locator("[data-wave]")).to_be_visible()
    for summary in page.locator("main summary").all():
        summary.click()
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert_accessible(page)


def test_the_content_is_one_key_away(page: Page) -> None:
    page.goto("/recordings")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Export feedback")).to_be_focused()


def test_the_menu_of_a_phone_opens_with_the_keyboard(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/")
    link = page.get_by_role("link", name="History", exact=True)
    expect(link).to_be_hidden()
    page.locator("#menu summary").focus()
    page.keyboard.press("Enter")
    expect(link).to_be_visible()
    link.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("History")


def test_nothing_moves_for_who_wants_less_motion(page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")
    page.goto("/")
    name = page.locator(".dot").first.evaluate("dot => getComputedStyle(dot).animationName")
    assert name == "none"
