"""Every page for every eye: axe, three widths, light and dark, keyboard, less motion."""

from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import analyse
from tests.browser.seeing import assert_accessible_everywhere
from tests.receiver import wait_until

PAGES = ("/", "/live", "/recordings", "/voices", "/webhooks", "/keys", "/models", "/people")


@pytest.mark.parametrize("path", [*PAGES, "/account", "/sign-in", "/welcome"])
def test_pages_are_accessible_at_every_width(page: Page, path: str) -> None:
    page.goto(path)
    for summary in page.locator("main summary").all():
        if summary.is_visible():
            summary.click()
    assert_accessible_everywhere(page)


def test_a_result_is_accessible_at_every_width(page: Page, recording: Path) -> None:
    page.emulate_media(reduced_motion="reduce")
    analyse(page, recording)
    expect(page.locator("[data-wave]")).to_be_visible()
    for summary in page.locator("main summary").all():
        summary.click()
    assert_accessible_everywhere(page)


def test_a_timeline_fits_when_a_window_becomes_narrower(page: Page, recording: Path) -> None:
    page.set_viewport_size({"width": 1440, "height": 900})
    analyse(page, recording)
    expect(page.locator("[data-wave]")).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 900})
    fits = "track => track.offsetWidth <= track.parentElement.clientWidth"
    wait_until(lambda: page.locator("[data-track]").evaluate(fits), 30)


def test_an_error_page_is_accessible(session: BrowserContext) -> None:
    page = session.new_page()
    page.goto("/recordings/absent")
    assert_accessible_everywhere(page)
    page.close()


def test_the_content_is_one_key_away(page: Page) -> None:
    page.goto("/recordings")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Export feedback")).to_be_focused()


def test_a_recording_is_analysed_without_a_mouse(page: Page, recording: Path) -> None:
    page.goto("/")
    page.locator("[data-files]").focus()
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Space")
    chooser.value.set_files(recording)
    page.wait_for_url("**/recordings/pred_*")
    expect(page.locator("[data-sound]")).to_be_visible()
    page.locator(".scroller").first.focus()
    page.keyboard.press("Tab")
    expect(page.locator(".segment").first).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("[data-sound]")).to_be_focused()
    page.get_by_text("All segments as a table").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("columnheader", name="Looks")).to_be_visible()


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
