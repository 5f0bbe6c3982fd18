"""What the pages do: analysing, history, keys, people, voices, webhooks, models, feedback."""

import csv
import html
import io
import re
import shlex
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from tests.audio_factory import SPOKEN_RATE, encode, silence, speech, spoken_file, tone
from tests.http_factory import Server, serving
from tests.model_factory import make_weights, write_model
from tests.web_factory import Person, signed_in
from veravox.db import database_url, upgrade
from veravox.detection.card import Attribution
from veravox.detection.verdict import Reason
from veravox.reports.jwks import read_keys
from veravox.reports.verify import Outcome, check
from veravox.settings import Settings

SPOKEN = spoken_file(seconds=12.0)


def finished(person: Person, prediction_id: str) -> dict:
    """The final state of a recording, waited for as the page does."""
    deadline = time.monotonic() + 120.0
    while True:
        state = person.get(f"/recordings/{prediction_id}/state").json()
        if state["status"] not in ("awaiting_upload", "queued", "processing"):
            return state
        assert time.monotonic() < deadline, state
        time.sleep(0.05)


@pytest.fixture(scope="module")
def analysed(admin: Person) -> str:
    """A spoken recording of the administrator's tenant."""
    prediction_id = admin.analyse(SPOKEN, "Board meeting.wav")
    assert finished(admin, prediction_id)["status"] == "completed"
    return prediction_id


def test_the_result_page_says_in_words_what_was_found(admin: Person, analysed: str) -> None:
    page = admin.get(f"/recordings/{analysed}").text
    state = finished(admin, analysed)
    assert "Likely genuine" in page
    assert "Board meeting.wav" in page
    assert "0:05 to 0:10:" in page
    assert page.count('class="segment shade-') == len(state["segments"])
    assert "1 in 1000" in page


def test_the_page_and_the_api_give_the_same_result(
    server: Server, admin: Person, analysed: str
) -> None:
    key = server.key(tenant_id=admin.tenant_id)
    with server.client(key) as client:
        by_api = client.get(f"/v1/predictions/{analysed}").json()
    assert by_api == admin.get(f"/recordings/{analysed}/state").json()


def shown_command(person: Person, prediction_id: str) -> tuple[str, dict[str, str]]:
    """The name of the file and the other fields of the command on a page."""
    page = html.unescape(person.get(f"/recordings/{prediction_id}").text)
    (text,) = re.findall(r"^.*?(curl -H [^<]*)", page, re.DOTALL | re.MULTILINE)
    words = shlex.split(text)
    fields = dict(words[i + 1].split("=", 1) for i, word in enumerate(words) if word == "-F")
    return fields.pop("file"), fields


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"silence_threshold": 12.5, "threshold": 0.123456789},
        {"channels": "split", "device": "windows"},
    ],
)
def test_the_command_on_the_page_repeats_the_analysis(
    server: Server, admin: Person, settings: dict[str, Any]
) -> None:
    sound = np.concatenate([speech(5.0, channels=2), silence(5.0, channels=2)], axis=1)
    content = encode(sound, SPOKEN_RATE)
    prediction_id = admin.analyse(content, "Board meeting.wav", **settings)
    state = finished(admin, prediction_id)
    file, fields = shown_command(admin, prediction_id)
    assert file == "@Board meeting.wav"
    assert fields.keys() == {"model", "threshold"} | settings.keys()
    with server.client(server.key(tenant_id=admin.tenant_id)) as client:
        files = {"file": ("Board meeting.wav", content)}
        body = client.post("/v1/predict/large-file", data=fields, files=files).json()
    for part in ("global", "segments", "channels"):
        assert body[part] == state[part]


def test_the_command_names_a_file_that_curl_would_take_for_two(admin: Person) -> None:
    prediction_id = admin.analyse(SPOKEN, 'a;b, "c".wav')
    finished(admin, prediction_id)
    assert shown_command(admin, prediction_id)[0] == r'@"a;b, \"c\".wav"'


@pytest.mark.parametrize(
    ("logits", "words"),
    [
        ((4.0, 0.0), "<strong>Flow matching.</strong> Confidence 0.98, very high."),
        ((0.2, 0.0), "<strong>Unknown.</strong> No family that the model knows fits"),
    ],
)
def test_the_family_of_the_generator_is_told_in_words(
    tmp_path: Path, logits: tuple[float, float], words: str
) -> None:
    families = ("flow matching", "diffusion")
    terms = Attribution(families=families, temperature=1.0, confidence=0.7)
    write_model(tmp_path / "models", make_weights(families=logits), attribution=terms)
    spoofed = encode(speech(8.0) + tone(8.0, 6_000.0, peak=0.05), SPOKEN_RATE)
    settings = Settings(data_dir=tmp_path, models_dir=tmp_path / "models", scoring_threads=1)
    upgrade(database_url(settings))
    with serving(settings) as attributing:
        person = signed_in(attributing, "ada")
        for content, told in ((spoofed, True), (SPOKEN, False)):
            prediction_id = person.analyse(content)
            finished(person, prediction_id)
            page = person.get(f"/recordings/{prediction_id}").text
            assert (words in page, "What kind of generator?" in page) == (told, told)
        person.client.close()


def test_a_report_is_downloaded_and_can_be_verified(
    server: Server, admin: Person, outsider: Person, analysed: str
) -> None:
    trusted = read_keys(httpx.get(f"{server.url}/.well-known/veravox-report-keys.json").content)
    for suffix in ("pdf", "json"):
        answer = admin.get(f"/recordings/{analysed}/report.{suffix}")
        assert "attachment" in answer.headers["Content-Disposition"]
        assert check(answer.content, trusted).outcome is Outcome.GOOD
        assert outsider.get(f"/recordings/{analysed}/report.{suffix}").status_code == 404
    assert f"/recordings/{analysed}/report.pdf" in admin.get(f"/recordings/{analysed}").text


def test_a_recording_without_speech_has_no_verdict_and_says_why(admin: Person) -> None:
    prediction_id = admin.analyse(encode(silence(6.0), SPOKEN_RATE))
    finished(admin, prediction_id)
    page = admin.get(f"/recordings/{prediction_id}").text
    assert "No verdict" in page
    assert Reason.NO_SPEECH in page
    assert "never as genuine" in page
    assert 'class="segment unscored"' in page


def test_synthetic_passages_of_a_recording_are_named(admin: Person) -> None:
    spoofed_passage = speech(5.0) + tone(5.0, 6_000.0, peak=0.05)
    sound = np.concatenate([speech(20.0), spoofed_passage, speech(10.0)], axis=1)
    prediction_id = admin.analyse(encode(sound, SPOKEN_RATE))
    state = finished(admin, prediction_id)
    spoofed = [s for s in state["segments"] if s["result"] == "spoofed"]
    page = admin.get(f"/recordings/{prediction_id}").text
    assert (len(spoofed), "0:20 - 0:25" in page) == (1, True)


def test_a_recording_that_cannot_be_analysed_says_why(admin: Person) -> None:
    prediction_id = admin.analyse(b"%PDF-1.7" + bytes(99), "report.pdf")
    finished(admin, prediction_id)
    assert "PDF files are not supported" in admin.get(f"/recordings/{prediction_id}").text


def test_a_recording_can_be_canceled_and_deleted(admin: Person) -> None:
    created = admin.call("/recordings", json={"filename": "later.wav"}).json()
    path = f"/recordings/{created['prediction_id']}"
    assert "Waiting for the upload" in admin.get(path).text
    assert admin.send(f"{path}/cancel").status_code == 303
    assert "Canceled" in admin.get(path).text
    assert admin.send(f"{path}/delete").headers["Location"] == "/recordings"
    assert admin.get(path).status_code == 404


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("search=board", True),
        ("search=BOARD%20meet", True),
        ("search=100%25", False),
        ("search=pred_", True),
        ("result=bonafide", True),
        ("result=spoofed", False),
        ("status=failed", False),
        ("status=completed", True),
        ("since=2999-01-01", False),
        ("until=2020-01-01", False),
        ("since=2020-01-01&until=2999-01-01", True),
    ],
)
def test_the_history_is_searched_and_filtered(
    admin: Person, analysed: str, query: str, found: bool
) -> None:
    assert (f"/recordings/{analysed}" in admin.get(f"/recordings?{query}").text) is found


@pytest.mark.parametrize(
    "query", ["result=maybe", "since=tomorrow", "cursor=x", "search=" + "x" * 101]
)
def test_a_filter_that_means_nothing_is_an_error(admin: Person, query: str) -> None:
    answer = admin.get(f"/recordings?{query}")
    assert answer.status_code == 400
    assert "<h1>That did not work</h1>" in answer.text


def test_a_name_cannot_bring_code_into_a_page(admin: Person) -> None:
    name = '"><img src=x onerror=alert(1)>.wav'
    created = admin.call("/recordings", json={"filename": name}).json()
    for path in ("/recordings", f"/recordings/{created['prediction_id']}"):
        assert "<img src=x" not in admin.get(path).text


def test_nobody_sees_or_changes_another_tenants_recordings(
    outsider: Person, admin: Person, analysed: str
) -> None:
    path = f"/recordings/{analysed}"
    assert analysed not in outsider.get("/recordings").text
    assert outsider.get(path).status_code == 404
    assert outsider.get(f"{path}/state").status_code == 404
    assert outsider.send(f"{path}/delete").status_code == 404
    assert outsider.send(f"{path}/feedback", truth="spoof").status_code == 404
    assert outsider.call(f"{path}/start").status_code == 404
    assert admin.get(path).status_code == 200
    assert len(outsider.get("/recordings/feedback.csv").text.splitlines()) == 1


def test_feedback_is_kept_replaced_exported_and_taken_back(member: Person, analysed: str) -> None:
    path = f"/recordings/{analysed}/feedback"
    assert member.send(path, truth="maybe").status_code == 400
    assert member.send(path, truth="spoof").status_code == 303
    assert member.send(path, truth="bonafide", note="I was there, really").status_code == 303
    assert "Noted by mo" in member.get(f"/recordings/{analysed}").text
    answer = member.get("/recordings/feedback.csv")
    assert "attachment" in answer.headers["Content-Disposition"]
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert (row["path"], row["label"]) == ("Board meeting.wav", "bonafide")
    assert row["note"] == "I was there, really"
    assert float(row["spoof_llr"]) < 0
    assert member.send(path, truth="unknown").status_code == 303
    assert analysed not in member.get("/recordings/feedback.csv").text


def test_a_key_is_made_shown_once_used_measured_and_revoked(server: Server, admin: Person) -> None:
    fields = {"name": "newsroom", "plan": "starter", "scope-read": "on", "lifetime": "30"}
    made = admin.send("/keys", **fields)
    (key,) = set(re.findall(r"vvx_\w{8}_[\w-]{43}", made.text))
    assert key not in admin.get("/keys").text
    with server.client(key) as client:
        assert client.get("/v1/predictions").status_code == 200
        assert client.post("/v1/predict").status_code == 403
        assert "last minute: 2 of 60" in admin.get("/keys").text
        card = next(c for c in admin.get("/keys").text.split("<li ") if "newsroom" in c)
        key_id = re.findall(r"/keys/(key_\w+)/revoke", card)[0]
        assert admin.send(f"/keys/{key_id}/revoke").status_code == 303
        assert client.get("/v1/predictions").status_code == 401


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "x", "plan": "free"},
        {"name": "x", "plan": "gold", "scope-read": "on"},
        {"name": " ", "plan": "free", "scope-read": "on"},
        {"name": "x", "plan": "free", "scope-read": "on", "lifetime": "7"},
    ],
)
def test_a_key_that_makes_no_sense_is_refused(admin: Person, fields: dict[str, str]) -> None:
    assert admin.send("/keys", **fields).status_code == 400


def test_another_tenants_keys_cannot_be_seen_or_revoked(outsider: Person, server: Server) -> None:
    key = server.key(tenant_id="acme")
    prefix = key.split("_")[1]
    assert prefix not in outsider.get("/keys").text
    assert outsider.send(f"/keys/{prefix}/revoke").status_code == 404


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/keys", {"name": "x", "plan": "enterprise", "scope-read": "on"}),
        ("/keys/key_1/revoke", {}),
        ("/people", {"name": "x", "role": "admin"}),
        ("/people/user_1/link", {}),
        ("/people/user_1/disable", {}),
        ("/people/user_1/enable", {}),
        ("/webhooks/secret", {}),
        ("/voices/erase", {"user_id": "x"}),
    ],
)
def test_members_manage_neither_keys_nor_people_nor_secrets(
    member: Person, path: str, fields: dict[str, str]
) -> None:
    assert member.send(path, **fields).status_code == 403


def test_members_do_not_see_what_they_may_not_do(member: Person) -> None:
    assert member.get("/people").status_code == 403
    assert "New key" not in member.get("/keys").text
    assert "/people" not in member.get("/").text


def test_an_invited_person_belongs_to_the_tenant(
    admin: Person, outsider: Person, stranger: httpx.Client
) -> None:
    made = admin.send("/people", name="ivy", role="member").text
    (token,) = re.findall(r"/welcome#([\w-]{43})", made)
    assert stranger.post("/welcome/owner", data={"code": token}).json() == {"name": "ivy"}
    assert "ivy" in admin.get("/people").text
    assert "ivy" not in outsider.get("/people").text
    assert admin.send("/people", name="ivy", role="member").status_code == 409


def test_another_tenants_people_cannot_be_touched(admin: Person, outsider: Person) -> None:
    user_ids = re.findall(r"/people/(user_\w+)/link", admin.get("/people").text)
    for action in ("link", "disable", "enable"):
        assert outsider.send(f"/people/{user_ids[0]}/{action}").status_code == 404


def test_the_last_administrator_stays(outsider: Person) -> None:
    (user_id,) = re.findall(r"/people/(user_\w+)/link", outsider.get("/people").text)
    assert outsider.send(f"/people/{user_id}/disable").status_code == 409


def test_a_voice_is_enrolled_compared_with_and_erased(
    admin: Person, member: Person, outsider: Person
) -> None:
    def sent(path: str, content: bytes, **fields: str) -> httpx.Response:
        return member.call(path, data=fields, files={"audio_file": ("a.wav", content)})

    enrolled = sent("/voices/enrol", SPOKEN, user_id="Ann O'Nym", consent="form 7")
    assert enrolled.json()["title"] == "Enrolled", enrolled.text
    assert "form 7" in member.get("/voices").text
    same = sent("/voices/verify", spoken_file(seconds=8.0), user_id="Ann O'Nym").json()
    assert same["title"] == "The same voice"
    assert ["Is the voice genuine?", "Likely genuine"] in same["facts"]
    spoofed = encode(speech(8.0) + tone(8.0, 6_000.0, peak=0.05), SPOKEN_RATE)
    assert sent("/voices/verify", spoofed, user_id="Ann O'Nym").json()["title"] != "The same voice"
    assert "form 7" not in outsider.get("/voices").text
    assert outsider.send("/voices/erase", user_id="Ann O'Nym").status_code == 404
    receipt = admin.send("/voices/erase", user_id="Ann O'Nym")
    assert re.search(r"erasure_[0-9a-f]{24}", receipt.text)
    assert "form 7" not in member.get("/voices").text


@pytest.mark.parametrize(
    ("content", "message"),
    [(spoken_file(seconds=4.0), "minimum 10.0s"), (b"%PDF-1.7" + bytes(99), "PDF")],
)
def test_a_recording_that_cannot_enrol_is_refused_in_words(
    member: Person, content: bytes, message: str
) -> None:
    files = {"audio_file": ("a.wav", content)}
    answer = member.call("/voices/enrol", data={"user_id": "x"}, files=files)
    assert message in answer.json()["message"]


def test_a_voice_needs_a_recording(member: Person) -> None:
    answer = member.call("/voices/enrol", data={"user_id": "x"})
    assert answer.status_code == 400


def test_webhooks_tell_how_to_turn_them_on(admin: Person) -> None:
    assert "VERAVOX_WEBHOOK_HOSTS" in admin.get("/webhooks").text
    assert admin.get("/webhooks?status=lost").status_code == 400
    created = {"filename": "a.wav", "webhook_url": "https://example.com/x"}
    assert admin.call("/recordings", json=created).status_code == 400


def test_the_signing_secret_is_shown_on_demand_and_renewed(admin: Person) -> None:
    secret = re.compile(r"whsec_[\w-]+")
    assert not secret.search(admin.get("/webhooks").text)
    first = secret.findall(admin.send("/webhooks/secret").text)
    assert first == secret.findall(admin.send("/webhooks/secret").text)
    assert first != secret.findall(admin.send("/webhooks/secret", renew="yes").text)


def test_a_delivery_of_nobody_cannot_be_sent_again(admin: Person) -> None:
    assert admin.send("/webhooks/whd_17/replay").status_code == 404


def test_the_cards_of_both_models_are_shown(server: Server, admin: Person) -> None:
    page = admin.get("/models").text
    for card in server.services.analyser.models.cards():
        assert card.id in page
        assert card.sha256 in page
    assert server.services.voiceprints.model_id in page


def test_too_large_a_form_is_an_error_page(admin: Person) -> None:
    answer = admin.send("/keys", name="x" * 2_000_000)
    assert answer.status_code == 413
    assert "<h1>Too large</h1>" in answer.text
