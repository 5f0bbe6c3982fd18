"""What people do in the dashboard, flow by flow."""

import re
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.audio_factory import spoken_file
from tests.browser.conftest import WAIT_MS, analyse, choose_password
from tests.browser.seeing import assert_accessible_everywhere
from tests.http_factory import Server, serving, settings_for
from tests.receiver import HOST, NETWORKS, Authority, receiving, wait_until
from tests.web_factory import PASSWORD, invite, signed_in
from veravox.reports.verify import Outcome, check


def test_a_sign_in_link_leads_to_a_working_dashboard(server: Server, chromium: Browser) -> None:
    context = chromium.new_context(base_url=server.url)
    page = context.new_page()
    page.goto(f"/welcome#{invite(server.settings, 'first')}")
    expect(page.get_by_text("the name first")).to_be_visible()
    assert "#" not in page.url
    choose_password(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Is this voice genuine or synthetic?")
    page.get_by_role("button", name="Sign out").click()
    page.goto("/keys")
    page.get_by_label("Name").fill("first")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Keys and usage")
    context.close()


def test_a_chosen_recording_is_followed_to_its_result(page: Page, recording: Path) -> None:
    analyse(page, recording)
    expect(page.get_by_role("heading", level=1)).to_have_text("Board meeting.wav")
    expect(page.get_by_role("heading", name="Likely genuine")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("likely synthetic"))).to_have_count(4)
    expect(page.locator("[data-wave]")).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("Spectrogram"))).to_be_visible()
    for canvas in ("[data-wave]", "[data-spectrogram]"):
        colours = page.locator(canvas).evaluate(
            """canvas => new Set(canvas.getContext("2d")
                .getImageData(0, 0, canvas.width, canvas.height).data).size"""
        )
        assert colours > 3


def test_segments_are_explored_and_played_with_the_keyboard(page: Page, recording: Path) -> None:
    analyse(page, recording)
    segments = page.locator(".segment")
    expect(page.locator("[data-sound]")).to_be_visible()
    segments.first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(segments.nth(2)).to_be_focused()
    expect(page.locator("[data-detail]")).to_contain_text("0:10 to 0:15")
    page.keyboard.press("Enter")
    sound = page.locator("[data-sound]")
    wait_until(lambda: sound.evaluate("sound => sound.currentTime >= 10"), 30)
    page.keyboard.press("End")
    expect(page.locator("[data-detail]")).to_contain_text("0:15 to 0:17")


def test_a_recording_that_is_not_kept_can_be_chosen_again(
    session: BrowserContext, chromium: Browser, page: Page, recording: Path
) -> None:
    address = analyse(page, recording)
    elsewhere = chromium.new_context(storage_state={"cookies": session.cookies()})
    other = elsewhere.new_page()
    other.goto(address)
    expect(other.get_by_text("The recording itself is not kept")).to_be_visible()
    other.locator("[data-again]").set_input_files(recording)
    expect(other.locator("[data-wave]")).to_be_visible()
    elsewhere.close()


def test_a_recording_that_the_server_keeps_is_heard_from_any_browser(
    chromium: Browser, recording: Path, tmp_path: Path
) -> None:
    with serving(settings_for(tmp_path, audio_retention_seconds=3600)) as keeping:
        person = signed_in(keeping, "ada")
        address = f"/recordings/{person.analyse(recording.read_bytes())}"
        person.client.close()
        context = chromium.new_context(base_url=keeping.url)
        page = context.new_page()
        page.goto(f"/welcome#{invite(keeping.settings, 'bea')}")
        choose_password(page)
        page.wait_for_url(f"{keeping.url}/")
        page.goto(address)
        expect(page.locator("[data-wave]")).to_be_visible()
        expect(page.get_by_text("The recording itself is not kept")).to_be_hidden()
        context.close()


def test_a_dropped_recording_is_analysed(page: Page) -> None:
    page.goto("/")
    content = b64encode(spoken_file("flac", seconds=4.0)).decode()
    transfer = page.evaluate_handle(
        """content => {
            const transfer = new DataTransfer();
            const bytes = Uint8Array.from(atob(content), letter => letter.charCodeAt(0));
            transfer.items.add(new File([bytes], "dropped.flac"));
            return transfer;
        }""",
        content,
    )
    page.locator("[data-drop]").dispatch_event("drop", {"dataTransfer": transfer})
    expect(page.get_by_role("heading", name="Likely genuine")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text("dropped.flac")


def test_a_recording_from_the_microphone_is_analysed(page: Page) -> None:
    page.goto("/")
    page.get_by_role("button", name="Record with the microphone").click()
    expect(page.locator("[data-clock]")).to_have_text("0:05")
    page.get_by_role("button", name="Stop").click()
    page.wait_for_url("**/recordings/pred_*")
    page.get_by_role("heading", name="Timeline").wait_for()
    expect(page.get_by_role("heading", level=1)).to_contain_text("microphone-")
    expect(page.get_by_text("opus")).to_be_visible()


def test_a_file_that_is_no_recording_is_explained(page: Page, tmp_path: Path) -> None:
    letter = tmp_path / "letter.pdf"
    letter.write_bytes(b"%PDF-1.7" + bytes(99))
    page.goto("/")
    page.locator("[data-files]").set_input_files(letter)
    expect(page.get_by_text("PDF files are not supported")).to_be_visible()


def test_several_recordings_are_uploaded_side_by_side(
    page: Page, recording: Path, tmp_path: Path
) -> None:
    empty = tmp_path / "empty.wav"
    empty.write_bytes(b"")
    page.goto("/")
    page.locator("[data-files]").set_input_files([recording, empty])
    expect(page.get_by_role("link", name="See the result")).to_be_visible()
    expect(page.get_by_text("The file is empty.")).to_be_visible()


def test_the_history_finds_what_was_analysed(page: Page, recording: Path) -> None:
    analyse(page, recording)
    page.get_by_role("link", name="History").click()
    page.get_by_label("Name or id").fill("BOARD")
    page.get_by_label("Verdict").select_option("Likely genuine")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_role("link", name=re.compile("Board meeting.wav")).first).to_be_visible()
    page.get_by_label("Verdict").select_option("Likely synthetic")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_text("Nothing fits these filters.")).to_be_visible()


def test_feedback_is_given_and_exported(page: Page, recording: Path) -> None:
    analyse(page, recording)
    page.get_by_label("This was synthetic").check()
    page.get_by_label("Note").fill("They told me")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Noted by ada")).to_be_visible()
    page.goto("/recordings")
    with page.expect_download() as download:
        page.get_by_role("link", name="Export feedback").click()
    assert "Board meeting.wav,spoof" in download.value.path().read_text()


def test_a_key_is_made_copied_and_revoked(page: Page, server: Server) -> None:
    page.goto("/keys")
    page.get_by_label("Name").fill("newsroom")
    page.get_by_label("Professional").check()
    page.get_by_role("button", name="Create").click()
    key = page.locator("#new-key").inner_text()
    assert_accessible_everywhere(page)
    with server.client(key) as client:
        assert client.get("/v1/predictions").headers["X-RateLimit-Limit"] == "300"
        page.goto("/keys")
        expect(page.get_by_text("Requests in the last minute: 1 of 300")).to_be_visible()
        page.get_by_role("button", name="Revoke newsroom").click()
        expect(page.get_by_text("revoked", exact=True)).to_be_visible()
        assert client.get("/v1/predictions").status_code == 401


def test_a_result_is_deleted(page: Page, recording: Path) -> None:
    address = analyse(page, recording)
    page.get_by_role("button", name="Delete this result").click()
    page.wait_for_url("**/recordings")
    assert page.request.get(address).status == 404


def test_a_voice_is_enrolled_verified_and_erased(page: Page, recording: Path) -> None:
    page.goto("/voices")
    enrol = page.locator("form[data-voice=enrol]")
    enrol.get_by_label("Your id of the person").fill("Ann")
    enrol.get_by_label("Where their consent is recorded").fill("form 12")
    enrol.get_by_label("Recording", exact=True).set_input_files(recording)
    enrol.get_by_role("button", name="Enrol").click()
    expect(enrol.get_by_role("heading", name="Enrolled")).to_be_visible()
    enrol.get_by_role("link", name="See all voices").click()
    verify = page.locator("form[data-voice=verify]")
    verify.get_by_label("Claims to be").select_option("Ann")
    verify.get_by_role("button", name="Record with the microphone").click()
    expect(verify.locator("[data-clock]")).to_have_text("0:06")
    verify.get_by_role("button", name="Stop").click()
    expect(verify.get_by_text("Recorded: microphone-")).to_be_visible()
    verify.get_by_role("button", name="Verify").click()
    expect(verify.get_by_text("Rate of false matches")).to_be_visible()
    assert_accessible_everywhere(page)
    page.get_by_role("button", name="Erase Ann").click()
    expect(page.get_by_role("heading", name="Erased")).to_be_visible()


def test_a_person_is_invited(page: Page, chromium: Browser) -> None:
    page.goto("/people")
    page.get_by_label("Name to sign in with").fill("ivy")
    page.get_by_role("button", name="Invite").click()
    link = page.locator("#link").inner_text()
    assert_accessible_everywhere(page)
    context = chromium.new_context()
    invited = context.new_page()
    invited.goto(link)
    choose_password(invited)
    expect(invited.get_by_role("heading", level=1)).to_contain_text("genuine or synthetic")
    expect(invited.get_by_role("link", name="People")).to_have_count(0)
    context.close()


def test_a_webhook_is_sent_logged_and_sent_again(
    chromium: Browser, recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    settings = settings_for(tmp_path, webhook_hosts=HOST, webhook_networks=NETWORKS)
    with receiving(authority) as receiver, serving(settings) as calling:
        context = chromium.new_context(base_url=calling.url)
        context.set_default_timeout(WAIT_MS)
        page = context.new_page()
        page.goto(f"/welcome#{invite(settings, 'ada')}")
        choose_password(page)
        page.wait_for_url(f"{calling.url}/")
        page.get_by_text("Options").click()
        page.get_by_label("Tell this address").fill(receiver.url())
        page.locator("[data-files]").set_input_files(recording)
        page.wait_for_url("**/recordings/pred_*")
        receiver.wait_for(1)
        wait_until(lambda: page.goto("/webhooks") and page.get_by_text("delivered").count() > 1, 30)
        page.get_by_text("1 attempt").click()
        assert_accessible_everywhere(page)
        page.get_by_role("button", name="Send again").click()
        receiver.wait_for(2)
        context.close()


def test_a_report_is_downloaded_and_is_genuine(page: Page, recording: Path) -> None:
    analyse(page, recording)
    for name in ("PDF", "Signed JSON"):
        with page.expect_download() as download:
            page.get_by_role("link", name=name).click()
        content = download.value.path().read_bytes()
        with ThreadPoolExecutor(1) as thread:  # this one has a running event loop
            checked = thread.submit(check, content).result()
        assert checked.outcome is Outcome.UNKNOWN


def test_the_signing_secret_is_shown(page: Page) -> None:
    page.goto("/webhooks")
    page.get_by_role("button", name="Show the signing secret").click()
    expect(page.locator("#secret")).to_contain_text("whsec_")


def test_the_model_and_its_errors_are_shown(page: Page, server: Server) -> None:
    page.goto("/models")
    card = server.services.analyser.models.card()
    expect(page.get_by_role("heading", name=card.id)).to_be_visible()
