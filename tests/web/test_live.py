"""The WebSocket of the page that listens to a microphone."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from tests.audio_factory import SPOKEN_RATE, noise, silence, speech
from tests.http_factory import Server
from tests.stream_factory import cut, packets
from tests.web_factory import Person, signed_in
from veravox.audio.frames import Codec
from veravox.web.visitors import COOKIE, PLAN

SECONDS = 60
FORMAT = {"codec": "AUDIO_CODEC_S16LE", "sampleRateHz": SPOKEN_RATE, "channels": 1}


@contextmanager
def socket(
    server: Server,
    person: Person,
    origin: str | None = None,
    token: str | None = None,
    cookie: str | None = None,
    **headers: str,
) -> Iterator[ClientConnection]:
    """A connection as the page opens it, or with something changed."""
    session = person.client.cookies[COOKIE] if cookie is None else cookie
    with connect(
        f"ws://127.0.0.1:{server.port}/live/stream",
        origin=Origin(server.url if origin is None else origin) if origin != "" else None,
        subprotocols=[
            Subprotocol("veravox.v1"),
            Subprotocol(f"veravox.form.{person.token if token is None else token}"),
        ],
        additional_headers={"Cookie": f"{COOKIE}={session}"} | headers,
    ) as websocket:
        yield websocket


def speak(websocket: ClientConnection, sound: Any) -> None:
    """Send the whole of a sound."""
    websocket.send('{"createSessionRequest": {}}')
    websocket.send(json.dumps({"audioFrame": FORMAT}))
    for part in cut(packets(sound, SPOKEN_RATE, Codec.S16LE)[0], 3_200):
        websocket.send(part)
    websocket.send("{}")


def answers(websocket: ClientConnection) -> list[dict[str, Any]]:
    """All messages up to the close."""
    received: list[dict[str, Any]] = []
    try:
        while True:
            received.append(json.loads(websocket.recv(SECONDS)))
    except ConnectionClosed:
        return received


def closed(websocket: ClientConnection) -> tuple[int | None, str | None]:
    """Code and reason of the close, after no answer."""
    assert answers(websocket) == []
    return websocket.close_code, websocket.close_reason


def test_a_live_voice_is_judged_in_words_and_kept(server: Server, member: Person) -> None:
    with socket(server, member) as websocket:
        assert websocket.subprotocol == "veravox.v1"
        speak(websocket, speech(11.0))
        opened, *heard, final = answers(websocket)

    assert websocket.close_code == 1000
    assert [(w["window"]["start"], w["window"]["end"]) for w in heard] == [
        (0, 5),
        (5, 10),
        (10, 11),
    ]
    assert heard[-1]["verdict"]["title"] == "Likely genuine so far"
    assert heard[-1]["verdict"]["sureness"].startswith("Confidence 0.")
    assert heard[-1]["hindrances"] == []
    assert final["final"]["title"] == "Likely genuine"
    assert final["kept"] == opened["opened"]
    state = member.get(f"/recordings/{final['kept']}/state").json()
    assert state["global"]["score"] == pytest.approx(final["final"]["probability"], abs=1e-3)
    assert "Live 20" in member.get("/recordings").text


def test_the_rest_of_a_live_voice_replaces_the_window_that_it_slides_over(
    server: Server, member: Person
) -> None:
    with socket(server, member) as websocket:
        speak(websocket, speech(5.4))
        windows = [a["window"] for a in answers(websocket) if "window" in a]

    assert [w["replaces"] for w in windows] == [False, True]
    assert windows[1]["start"] == pytest.approx(0.4)


def test_silence_is_named_as_the_reason_for_no_verdict(server: Server, member: Person) -> None:
    with socket(server, member) as websocket:
        speak(websocket, silence(6.0))
        _, first, *_, final = answers(websocket)

    assert first["verdict"]["title"] == "No verdict yet"
    assert "hardly any speech" in first["hindrances"][0]
    assert final["final"]["title"] == "No verdict"


def test_noise_is_named_as_the_reason_for_no_verdict(server: Server, member: Person) -> None:
    with socket(server, member) as websocket:
        speak(websocket, speech(11.0) + noise(11.0, rms=0.1))
        *_, last, _ = answers(websocket)

    assert last["verdict"]["meaning"] == "The sound is too poor for a verdict."
    assert "where it is quieter" in last["hindrances"][-1]


def test_nothing_is_kept_where_nothing_was_heard(server: Server, member: Person) -> None:
    with socket(server, member) as websocket:
        speak(websocket, silence(0.2))
        _, final = answers(websocket)

    assert (final["kept"], final["final"]["meaning"]) == (None, "Too little was heard to analyse.")


@pytest.mark.parametrize(
    ("changes", "code", "reason"),
    [
        ({"origin": "https://evil.example"}, 4403, "another site"),
        ({"origin": "null"}, 4403, "another site"),
        ({"origin": ""}, 4403, "another site"),
        ({"Sec-Fetch-Site": "same-site"}, 4403, "another site"),
        ({"token": "0" * 64}, 4403, "out of date"),
        ({"token": ""}, 4403, "out of date"),
        ({"cookie": "stolen"}, 4401, "sign in"),
        ({"cookie": ""}, 4401, "sign in"),
    ],
)
def test_only_our_own_page_of_a_signed_in_person_is_listened_to(
    server: Server, member: Person, changes: dict[str, str], code: int, reason: str
) -> None:
    with socket(server, member, **changes) as websocket:
        told, why = closed(websocket)

    assert told == code
    assert reason in (why or "")


def test_a_key_does_not_open_the_socket_of_the_page(server: Server, member: Person) -> None:
    with socket(server, member, cookie="", **{"X-Api-Key": server.key()}) as websocket:
        assert closed(websocket)[0] == 4401


def test_a_session_does_not_open_the_socket_of_the_api(server: Server, member: Person) -> None:
    with connect(
        f"ws://127.0.0.1:{server.port}/v1/stream",
        additional_headers={"Cookie": f"{COOKIE}={member.client.cookies[COOKIE]}"},
    ) as websocket:
        websocket.send('{"createSessionRequest": {}}')
        assert closed(websocket)[0] == 4400


def test_a_person_listens_as_often_at_once_as_their_plan_allows(server: Server) -> None:
    person = signed_in(server, "many")
    most = PLAN.limits.concurrent_requests
    with ExitStack() as open_sockets:
        for _ in range(most):
            websocket = open_sockets.enter_context(socket(server, person))
            websocket.send('{"createSessionRequest": {}}')
            assert "opened" in websocket.recv(SECONDS)
        code, reason = closed(open_sockets.enter_context(socket(server, person)))
    person.client.close()
    assert (code, reason) == (4429, f"Rate limit exceeded: {most}/{most} concurrent")


def test_listening_counts_as_a_request_of_the_person(server: Server) -> None:
    person = signed_in(server, "eager")
    asked = range(PLAN.limits.requests_per_minute)
    statuses = {person.call("/recordings", json={}).status_code for _ in asked}
    with socket(server, person) as websocket:
        code, _ = closed(websocket)
    person.client.close()
    assert (statuses, code) == ({400}, 4429)


def test_a_result_of_one_tenant_is_not_seen_by_another(
    server: Server, member: Person, outsider: Person
) -> None:
    with socket(server, member) as websocket:
        speak(websocket, speech(5.0))
        kept = answers(websocket)[-1]["kept"]

    assert member.get(f"/recordings/{kept}").status_code == 200
    assert outsider.get(f"/recordings/{kept}").status_code == 404


def test_the_page_asks_nothing_before_its_button_is_pressed(member: Person) -> None:
    page: httpx.Response = member.get("/live")
    assert "your browser asks whether this page may use the microphone" in page.text
    assert "microphone=(self)" in page.headers["Permissions-Policy"]
