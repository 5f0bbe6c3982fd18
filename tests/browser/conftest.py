"""The dashboard in a real browser, named by VERAVOX_TEST_BROWSER (such as /usr/bin/chromium).

Its microphone hears somebody speak.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.audio_factory import spoken_file
from tests.http_factory import Server, serving, settings_for
from tests.web_factory import PASSWORD, invite

BROWSER = os.environ.get("VERAVOX_TEST_BROWSER")
WAIT_MS = 30_000

if BROWSER:
    from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

    expect.set_options(timeout=WAIT_MS)
else:
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(settings_for(tmp_path_factory.mktemp("server"))) as server:
        yield server


@pytest.fixture(scope="package")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("audio") / "Board meeting.wav"
    path.write_bytes(spoken_file(seconds=17.0))
    return path


@pytest.fixture(scope="package")
def chromium(recording: Path) -> "Iterator[Browser]":
    arguments = [
        "--no-sandbox",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={recording}",
        "--host-resolver-rules=MAP veravox.test 127.0.0.1",
    ]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def session(server: Server, chromium: "Browser") -> "Iterator[BrowserContext]":
    """A browser in which an administrator came in by a sign-in link."""
    context = chromium.new_context(base_url=server.url, permissions=["microphone"])
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    page.goto(f"/welcome#{invite(server.settings, 'ada')}")
    choose_password(page)
    page.wait_for_url(f"{server.url}/")
    page.close()
    yield context
    context.close()


@pytest.fixture
def page(session: "BrowserContext") -> "Iterator[Page]":
    """A page of the administrator; it must have nothing to complain about."""
    page = session.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda message: complaints.append(message.text) if message.type == "error" else None,
    )
    page.on("dialog", lambda dialog: dialog.accept())
    yield page
    page.close()
    assert complaints == []


def choose_password(page: "Page") -> None:
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_label("The same again").fill(PASSWORD)
    page.get_by_role("button", name="Save and go on").click()


def analyse(page: "Page", recording: Path) -> str:
    """Choose a recording and wait for its result; the path of its page."""
    page.goto("/")
    page.locator("[data-files]").set_input_files(recording)
    page.wait_for_url("**/recordings/pred_*")
    page.get_by_role("heading", name="Timeline").wait_for()
    return page.url
