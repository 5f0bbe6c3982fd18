"""A client of Genesys AudioHook, as its reference implementation behaves, at a real server."""

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from uuid import uuid4

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.audio_factory import noise, speech
from tests.http_factory import Server, serving, settings_for
from tests.speaker_factory import write_encoder
from tests.stream_factory import TELEPHONE_RATE, cut, install_hearing, telephone
from tests.web_factory import signed_in

SECONDS = 11.0
IDLE_SECONDS = 2
CLIENT_SECONDS = 60
CALLER = telephone(speech(SECONDS, TELEPHONE_RATE))
AGENT = telephone(noise(SECONDS, TELEPHONE_RATE, rms=0.1))
BOTH = bytes(byte for pair in zip(CALLER, AGENT, strict=True) for byte in pair)
STEREO = ("external", "internal")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("audiohook")
    install_hearing(folder / "models")
    write_encoder(folder / "encoders")
    settings = settings_for(folder, stream_idle_seconds=IDLE_SECONDS, stream_max_seconds=30)
    with serving(settings) as server:
        yield server


def media(*channels: str, format: str = "PCMU") -> dict[str, Any]:
    return {"type": "audio", "format": format, "channels": list(channels), "rate": TELEPHONE_RATE}


ALL_MEDIA = (media(*STEREO), media("external"), media("internal"))


class Genesys:
    """One session; it counts messages both ways and checks those of the server."""

    def __init__(self, websocket: ClientConnection) -> None:
        self.id, self.conversation = str(uuid4()), str(uuid4())
        self.seq = self.serverseq = 0
        self.position = 0.0
        self._websocket = websocket

    def send(self, kind: str, **parameters: Any) -> None:
        self.seq += 1
        message = {
            "version": "2",
            "type": kind,
            "id": self.id,
            "seq": self.seq,
            "serverseq": self.serverseq,
            "position": f"PT{self.position:g}S",
            "parameters": parameters,
        }
        self._websocket.send(json.dumps(message))

    def hear(self) -> tuple[str, dict[str, Any]]:
        message = json.loads(self._websocket.recv(CLIENT_SECONDS))
        assert set(message) == {"version", "type", "id", "seq", "clientseq", "parameters"}
        assert (message["version"], message["id"]) == ("2", self.id)
        assert message["seq"] == self.serverseq + 1
        assert message["clientseq"] <= self.seq
        self.serverseq = message["seq"]
        return message["type"], message["parameters"]

    def open(self, *offered: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        participant = {"id": str(uuid4()), "ani": "+15550001", "aniName": "", "dnis": "+15550002"}
        self.send(
            "open",
            organizationId=str(uuid4()),
            conversationId=self.conversation,
            participant=participant,
            media=list(offered or ALL_MEDIA),
            language="en-US",
            customConfig={},
        )
        return self.hear()

    def play(self, audio: bytes, channels: int = 1) -> None:
        """As Genesys does: parts of unequal length, of which some are buffered."""
        for part in cut(audio, 1_600 * channels):
            self._websocket.send(part)
        self.position += len(audio) / channels / TELEPHONE_RATE

    def ping(self) -> None:
        self.send("ping", rtt="PT0.02S")
        assert self.hear() == ("pong", {})

    def close(self, reason: str = "end") -> None:
        """The end of a session: the client closes the connection once the server has said so."""
        self.send("close", reason=reason)
        assert self.hear() == ("closed", {})
        self._websocket.close()


def dial(server: Server, key: str | None) -> connect:
    headers = {
        "Audiohook-Organization-Id": str(uuid4()),
        "Audiohook-Session-Id": str(uuid4()),
        "Audiohook-Correlation-Id": str(uuid4()),
    }
    if key is not None:
        headers["X-API-KEY"] = key
    address = f"ws://127.0.0.1:{server.port}/v1/stream/audiohook"
    return connect(address, additional_headers=headers)


def closed_with(websocket: ClientConnection) -> int | None:
    with suppress(ConnectionClosed):
        list(websocket)
    return websocket.close_code


def kept(server: Server, key: str, session_id: str) -> dict[str, Any] | None:
    with server.client(key) as client:
        answer = client.get(f"/v1/predictions/{session_id}")
    return answer.json() if answer.status_code == 200 else None


def test_a_session_becomes_the_prediction_with_its_id(server: Server):
    key = server.key()
    with dial(server, key) as websocket:
        call = Genesys(websocket)
        opened = call.open()
        call.ping()
        call.play(CALLER[:40_000])
        call.ping()
        call.play(CALLER[40_000:])
        call.close()

    prediction = kept(server, key, call.id)
    assert opened == ("opened", {"media": [media("external")], "startPaused": False})
    assert prediction is not None
    assert prediction["global"]["result"] == "bonafide"
    assert prediction["audio_duration"] == pytest.approx(SECONDS)


def test_the_conversation_is_found_in_the_dashboard(server: Server):
    with dial(server, server.key(tenant_id="centre")) as websocket:
        call = Genesys(websocket)
        call.open()
        call.play(CALLER)
        call.close()

    agent = signed_in(server, "agent", "centre")
    found = agent.get(f"/recordings?search={call.conversation}").text
    nothing = agent.get(f"/recordings?search={uuid4()}").text
    agent.client.close()
    assert call.id in found
    assert call.id not in nothing


def test_of_both_sides_in_one_stream_the_caller_is_heard(server: Server):
    key = server.key()
    with dial(server, key) as websocket:
        call = Genesys(websocket)
        _, chosen = call.open(media(*STEREO, format="L16"), media(*STEREO))
        call.play(BOTH, channels=2)
        call.close()

    prediction = kept(server, key, call.id)
    assert chosen["media"] == [media(*STEREO)]
    assert prediction is not None
    assert prediction["global"]["result"] == "bonafide"
    assert prediction["audio_duration"] == pytest.approx(SECONDS)


def test_a_pause_is_not_the_end_and_what_was_discarded_is_missing(server: Server):
    key = server.key()
    with dial(server, key) as websocket:
        call = Genesys(websocket)
        call.open()
        call.play(CALLER[:40_000])
        call.send("paused")
        for _ in range(3):
            time.sleep(0.4 * IDLE_SECONDS)
            call.ping()
        call.send("resumed", start="PT5S", discarded="PT2.4S")
        call.send("update", language="de-DE")
        call.send("discarded", start="PT7.4S", discarded="PT0.1S")
        call.play(CALLER[40_000:])
        call.close()

    prediction = kept(server, key, call.id)
    assert prediction is not None
    assert prediction["audio_duration"] == pytest.approx(SECONDS)


def test_the_probe_of_a_new_integration_is_answered_and_leaves_nothing(server: Server):
    key = server.key()
    with dial(server, key) as websocket:
        probe = Genesys(websocket)
        probe.conversation = "00000000-0000-0000-0000-000000000000"
        assert probe.open()[0] == "opened"
        probe.ping()
        probe.close()

    assert kept(server, key, probe.id) is None


@pytest.mark.parametrize("wrong", [None, "vvx_nobody"])
def test_without_a_key_genesys_is_asked_to_go(server: Server, wrong: str | None):
    with dial(server, wrong) as websocket:
        call = Genesys(websocket)
        kind, told = call.open()
        call.close("disconnect")

    assert (kind, told["reason"]) == ("disconnect", "unauthorized")
    assert told["info"]


def test_a_session_that_is_too_long_is_kept_and_genesys_is_asked_to_go(server: Server):
    key = server.key()
    with dial(server, key) as websocket:
        call = Genesys(websocket)
        call.open()
        for _ in range(3):
            call.play(CALLER)
        kind, told = call.hear()
        call.play(CALLER)
        call.close("disconnect")

    prediction = kept(server, key, call.id)
    assert (kind, told["reason"]) == ("disconnect", "completed")
    assert prediction is not None
    assert prediction["audio_duration"] > 30.0


def test_a_session_that_falls_silent_is_kept_and_ended(server: Server):
    key = server.key()
    with dial(server, key) as websocket:
        call = Genesys(websocket)
        call.open()
        call.play(CALLER)
        kind, told = call.hear()
        code = closed_with(websocket)

    assert (kind, told["reason"]) == ("disconnect", "error")
    assert str(IDLE_SECONDS) in told["info"]
    assert code == 4408
    assert kept(server, key, call.id) is not None


def test_a_session_id_that_was_used_before_is_not_overwritten(server: Server):
    key = server.key()
    ids: list[str] = []
    for _ in range(2):
        with dial(server, key) as websocket:
            call = Genesys(websocket)
            call.id = ids[0] if ids else call.id
            call.open()
            call.play(CALLER)
            call.close()
            ids.append(call.id)

    assert kept(server, key, ids[0]) is not None


def test_audio_without_a_chosen_format_ends_the_session(server: Server):
    with dial(server, server.key()) as websocket:
        call = Genesys(websocket)
        _, chosen = call.open(media(*STEREO, format="L16"))
        call.play(CALLER[:1_600])
        kind, told = call.hear()
        call.close("disconnect")

    assert chosen["media"] == []
    assert (kind, told["reason"]) == ("disconnect", "error")


@pytest.mark.parametrize("skipped", [1, -1])
def test_a_missing_message_ends_the_session(server: Server, skipped: int):
    with dial(server, server.key()) as websocket:
        call = Genesys(websocket)
        call.open()
        call.seq += skipped
        call.send("ping")
        kind, told = call.hear()

    assert (kind, told["reason"]) == ("disconnect", "error")
    assert "missing" in told["info"]


@pytest.mark.parametrize(
    "first",
    [
        "{}",
        b"audio",
        json.dumps({"version": "1", "type": "open", "id": str(uuid4()), "seq": 1}),
        json.dumps(
            {"version": "2", "type": "ping", "id": str(uuid4()), "seq": 1, "parameters": {}}
        ),
    ],
    ids=("empty", "audio", "open", "ping"),
)
def test_what_is_no_session_closes_the_connection(server: Server, first: str | bytes):
    with dial(server, server.key()) as websocket:
        websocket.send(first)
        assert closed_with(websocket) == 4400
