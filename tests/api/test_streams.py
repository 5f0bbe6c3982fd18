"""Calls over gRPC with the published stubs, and over WebSocket, to a real server."""

import base64
import json
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from socket import SHUT_RDWR
from typing import Any

import grpc
import pytest
from aurigin.client.v1 import audio_verification_pb2 as client_pb
from aurigin.client.v1 import audio_verification_pb2_grpc as client_grpc
from aurigin.common.v1 import result_pb2 as common
from aurigin.deepfake_detection.v1 import deepfake_detection_pb2 as pb
from aurigin.deepfake_detection.v1 import deepfake_detection_pb2_grpc as pb_grpc
from aurigin.media.v1 import audio_frame_pb2 as media
from google.protobuf import json_format
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twilio.tme.extensions.common.v1 import audio_buffer_pb2 as twilio_pb
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.audio_factory import SPOKEN_RATE, encode, noise, silence, speech, spoken_file
from tests.http_factory import Server, serving, settings_for
from tests.processes import free_port
from tests.speaker_factory import write_encoder
from tests.stream_factory import (
    TELEPHONE_RATE,
    cut,
    detection,
    install_hearing,
    packets,
    spliced,
    telephone,
    verification,
)
from veravox.accounts import Plan, Scope
from veravox.audio.frames import Codec

SECONDS = 11.0
CLIENT_SECONDS = 60
VOICE = telephone(speech(SECONDS, TELEPHONE_RATE))
HISS = telephone(speech(SECONDS) + noise(SECONDS, rms=0.08), 16_000)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("streams")
    install_hearing(folder / "models")
    write_encoder(folder / "encoders")
    settings = settings_for(
        folder,
        grpc_port=free_port(),
        stream_limit=4,
        stream_idle_seconds=2,
        stream_max_seconds=30,
    )
    with serving(settings) as server:
        yield server


@pytest.fixture(scope="module")
def key(server: Server) -> str:
    return server.key()


@pytest.fixture(scope="module")
def channel(server: Server) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(f"127.0.0.1:{server.settings.grpc_port}") as channel:
        yield channel


@pytest.fixture(autouse=True)
def _no_stream_is_left_open(server: Server) -> Iterator[None]:
    yield
    deadline = time.monotonic() + 20.0
    while len(server.services.streams) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not len(server.services.streams)


def metadata(key: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {key}"),)


def detect(
    channel: grpc.Channel, key: str, requests: Iterator[pb.DetectDeepfakeRequest]
) -> list[pb.DetectDeepfakeResponse]:
    stub = pb_grpc.DeepfakeDetectionStub(channel)
    return list(stub.DetectDeepfake(requests, metadata=metadata(key), timeout=CLIENT_SECONDS))


def verify(channel: grpc.Channel, key: str, **fields: Any) -> client_pb.VerifyResponse:
    stub = client_grpc.AudioVerificationStub(channel)
    return stub.Verify(
        client_pb.VerifyRequest(**fields), metadata=metadata(key), timeout=CLIENT_SECONDS
    )


def refused(call: Callable[[], object]) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value.code(), caught.value.details()


def socket(server: Server, **options: Any) -> connect:
    return connect(f"ws://127.0.0.1:{server.port}/v1/stream", **options)


@contextmanager
def opened(server: Server, key: str) -> Iterator[ClientConnection]:
    """A connection with a session."""
    with socket(server, additional_headers={"X-Api-Key": key}) as websocket:
        websocket.send('{"createSessionRequest": {}}')
        assert "sessionId" in websocket.recv(CLIENT_SECONDS)
        yield websocket


def audio_json(audio: bytes, **changes: Any) -> str:
    frame = {
        "codec": "AUDIO_CODEC_PCMU",
        "sampleRateHz": TELEPHONE_RATE,
        "channels": 1,
        "payload": base64.b64encode(audio).decode(),
    }
    return json.dumps({"audioFrame": frame | changes})


def answers(websocket: ClientConnection) -> list[client_pb.StreamResponse]:
    """All messages up to the close, as the stubs read them."""
    received: list[client_pb.StreamResponse] = []
    with suppress(ConnectionClosed):
        for message in websocket:
            received.append(json_format.Parse(message, client_pb.StreamResponse()))
    return received


def closed(websocket: ClientConnection) -> tuple[int, str]:
    deadline = time.monotonic() + CLIENT_SECONDS
    while time.monotonic() < deadline:
        try:
            websocket.recv(CLIENT_SECONDS)
        except ConnectionClosed as end:
            return (end.rcvd.code, end.rcvd.reason) if end.rcvd else (0, "")
    raise AssertionError("the server did not close the connection")


def test_a_call_over_grpc_gets_its_windows_and_then_one_final_result(
    server: Server, channel: grpc.Channel, key: str
):
    session, *results, final = detect(channel, key, detection(cut(VOICE, 160)))

    assert session.create_session_response.model_version == "noisiness-1"
    assert [r.WhichOneof("response") for r in results] == ["analysis_result"] * 3
    spans = [(r.analysis_result.audio_offset_ms, r.analysis_result.duration_ms) for r in results]
    assert spans == [(0, 5_000), (5_000, 5_000), (10_000, 1_000)]
    scores = [r.analysis_result.score for r in results]
    assert final.final_result.overall_label == "bonafide"
    assert final.final_result.overall_score == pytest.approx(sum(scores) / 3)
    assert final.final_result.total_audio_ms == 11_000
    assert final.final_result.analysis_count == 3


def test_a_call_is_kept_like_every_other_prediction(
    server: Server, channel: grpc.Channel, key: str
):
    session, *_, final = detect(channel, key, detection(cut(HISS, 800), rate=16_000))

    with server.client(key) as client:
        kept = client.get(f"/v1/predictions/{session.create_session_response.session_id}").json()
    assert final.final_result.overall_label == "spoofed"
    assert kept["global"]["result"] == "spoofed"
    assert kept["audio_duration"] == pytest.approx(SECONDS)


LIKE_A_FILE = {
    "bona fide": (speech(11.4), "bonafide"),
    "spoofed": (speech(11.0) + noise(11.0, rms=0.08), "spoofed"),
    "partially spoofed": (spliced(25.4, 10.0, 15.0), "partially_spoofed"),
}
OF_THE_REQUEST = {
    *("prediction_id", "status", "progress", "created_at", "device", "model", "processing_time"),
}


def judgement(prediction: dict[str, Any]) -> dict[str, Any]:
    """What a prediction says of the audio."""
    return {name: value for name, value in prediction.items() if name not in OF_THE_REQUEST}


@pytest.mark.parametrize("what", LIKE_A_FILE)
def test_a_call_over_grpc_ends_with_the_verdict_on_a_file_of_it(
    server: Server, channel: grpc.Channel, key: str, what: str
):
    sound, label = LIKE_A_FILE[what]

    session, *_, final = detect(
        channel, key, detection(cut(telephone(sound, SPOKEN_RATE), 666), rate=SPOKEN_RATE)
    )

    session_id = session.create_session_response.session_id
    with server.client(key) as client:
        streamed = client.get(f"/v1/predictions/{session_id}").json()
        file = encode(sound, SPOKEN_RATE, "wav-mulaw")
        of_file = client.post("/v1/predict", files={"file": file}).json()
    scores = [segment["scores"][0] for segment in of_file["segments"]]
    assert of_file["global"]["result"] == label
    assert judgement(streamed) == judgement(of_file)
    assert final.final_result.overall_label == label
    assert final.final_result.overall_score == pytest.approx(sum(scores) / len(scores), abs=1e-5)
    assert final.final_result.analysis_count == len(scores)


@pytest.mark.parametrize("what", LIKE_A_FILE)
def test_a_call_over_a_websocket_ends_with_the_verdict_on_a_file_of_it(
    server: Server, channel: grpc.Channel, key: str, what: str
):
    sound, _ = LIKE_A_FILE[what]
    file = encode(sound, SPOKEN_RATE, "wav-mulaw")

    with opened(server, key) as websocket:
        for part in cut(telephone(sound, SPOKEN_RATE), 16_000):
            websocket.send(audio_json(part, sampleRateHz=SPOKEN_RATE))
        websocket.send("{}")
        streamed = answers(websocket)[-1].final_result.per_consumer[0]

    with server.client(key) as client:
        (kept,) = client.get("/v1/predictions", params={"limit": 1}).json()["predictions"]
        of_file = client.post("/v1/predict", files={"file": file}).json()
    (verified,) = verify(channel, key, inline_audio=file).final_result.per_consumer
    assert judgement(kept) == judgement(of_file)
    for name in ("overall_label", "overall_score", "analysis_count", "silence_pct_mean"):
        assert getattr(streamed, name) == pytest.approx(getattr(verified, name), abs=1e-6)


def test_a_call_too_short_for_a_file_has_no_verdict_and_is_not_kept(
    server: Server, channel: grpc.Channel, key: str
):
    short = VOICE[: round(2.9 * TELEPHONE_RATE)]

    session, *windows, final = detect(channel, key, detection(cut(short, 160)))

    with server.client(key) as client:
        file = encode(speech(2.9, TELEPHONE_RATE), TELEPHONE_RATE, "wav-mulaw")
        refusal = client.post("/v1/predict", files={"file": file})
        kept = client.get(f"/v1/predictions/{session.create_session_response.session_id}")
    assert "too short" in refusal.json()["message"]
    assert windows == []
    assert final.final_result.overall_label == "unknown"
    assert final.final_result.total_audio_ms == 2_900
    assert kept.status_code == 404


def test_the_example_of_the_documentation_runs(server: Server, key: str, tmp_path: Path):
    page = Path("docs/streaming.md").read_text(encoding="utf-8")
    example = page.split("```python\n")[1].split("```")[0]
    call = tmp_path / "call.ulaw"
    call.write_bytes(VOICE)

    done = subprocess.run(
        [sys.executable, "-c", example, f"127.0.0.1:{server.settings.grpc_port}", key, str(call)],
        capture_output=True,
        text=True,
        timeout=CLIENT_SECONDS,
        check=True,
    )

    assert done.stdout.splitlines()[-1] == "final bonafide"


def test_the_deprecated_audio_buffer_still_works(channel: grpc.Channel, key: str):
    linear = (speech(3.0)[0] * 32_767).astype("<i2").tobytes()

    def requests() -> Iterator[pb.DetectDeepfakeRequest]:
        yield pb.DetectDeepfakeRequest(create_session_request=pb.CreateSessionRequest())
        for part in cut(linear, 3_200):
            buffer = twilio_pb.AudioBuffer(format="S16LE", rate=16_000, channels=1, buffer=part)
            yield pb.DetectDeepfakeRequest(audio=buffer)

    *_, final = detect(channel, key, requests())

    assert final.final_result.total_audio_ms == 3_000
    assert final.final_result.overall_label == "bonafide"


def test_silence_has_a_label_of_its_own(channel: grpc.Channel, key: str):
    quiet = telephone(silence(6.0, TELEPHONE_RATE))

    _, window, _, final = detect(channel, key, detection(cut(quiet, 160)))

    assert window.analysis_result.label == "silence"
    assert window.analysis_result.score == 0.0
    assert window.analysis_result.confidence == 1.0
    assert window.analysis_result.silence_pct == 100.0
    assert final.final_result.overall_label == "silence"
    assert final.final_result.overall_score == 0.0


def test_a_session_may_choose_its_windows(channel: grpc.Channel, key: str):
    config = {"analysis_interval_s": 2.0, "tail_strategy": pb.TAIL_STRATEGY_DROP}

    _, *results, final = detect(channel, key, detection(cut(VOICE[:36_000], 160), **config))

    assert [r.analysis_result.audio_offset_ms for r in results] == [0, 2_000]
    assert final.final_result.total_audio_ms == 4_500


def test_verification_reports_the_worst_window(channel: grpc.Channel, key: str):
    stub = client_grpc.AudioVerificationStub(channel)
    wide = telephone(speech(SECONDS), 16_000)
    parts = [*cut(wide, 640), *cut(HISS, 640)]

    received = list(
        stub.Stream(verification(parts, 16_000), metadata=metadata(key), timeout=CLIENT_SECONDS)
    )

    verdicts = [r.verdict for r in received if r.WhichOneof("response") == "verdict"]
    notices = [r.notification for r in received if r.WhichOneof("response") == "notification"]
    (consumer,) = received[-1].final_result.per_consumer
    assert received[0].create_session_response.session_id
    assert consumer.consumer_name == "deepfake"
    assert consumer.overall_label == common.RESULT_LABEL_SPOOFED
    assert consumer.overall_score == pytest.approx(max(v.score for v in verdicts))
    assert consumer.analysis_count == len(verdicts)
    assert notices[0].attributes["running_label"] == "bonafide"
    assert len(notices) > 1


def test_a_whole_file_is_verified(channel: grpc.Channel, key: str):
    answer = verify(channel, key, inline_audio=spoken_file("mp3", seconds=6.0))

    (consumer,) = answer.final_result.per_consumer
    assert answer.request_id
    assert consumer.overall_label == common.RESULT_LABEL_BONAFIDE
    assert [v.label_raw for v in answer.per_window] == ["bonafide"] * len(answer.per_window)


def test_bare_samples_are_verified_with_a_hint(channel: grpc.Channel, key: str):
    answer = verify(channel, key, inline_audio=VOICE, codec_hint=media.AUDIO_CODEC_PCMU)

    assert answer.final_result.total_audio_ms == 11_000


def test_verification_needs_exactly_one_source_of_at_most_10_mib(channel: grpc.Channel, key: str):
    raw = channel.unary_unary("/aurigin.client.v1.AudioVerification/Verify")
    one = client_pb.VerifyRequest(inline_audio=b"x").SerializeToString()
    other = client_pb.VerifyRequest(blob_uri="https://example.com/a.wav").SerializeToString()

    neither = refused(lambda: verify(channel, key))
    both = refused(lambda: raw(one + other, metadata=metadata(key), timeout=CLIENT_SECONDS))
    large = refused(lambda: verify(channel, key, inline_audio=bytes(10 * 1_048_576 + 1)))
    turned_off = refused(lambda: verify(channel, key, blob_uri="https://example.com/a.wav"))

    assert neither[0] is both[0] is turned_off[0] is grpc.StatusCode.INVALID_ARGUMENT
    assert large[0] is grpc.StatusCode.RESOURCE_EXHAUSTED


def unopened() -> Iterator[pb.DetectDeepfakeRequest]:
    return iter(list(detection([VOICE[:160]]))[1:])


def opened_twice() -> Iterator[pb.DetectDeepfakeRequest]:
    yield from detection([])
    yield from detection([])


def with_frame(**fields: Any) -> Iterator[pb.DetectDeepfakeRequest]:
    yield from detection([])
    frame = {"codec": 6, "sample_rate_hz": 8_000, "channels": 1, "payload": bytes(160)}
    yield pb.DetectDeepfakeRequest(audio_frame=media.AudioFrame(**(frame | fields)))


@pytest.mark.parametrize(
    "requests",
    [
        lambda: iter(()),
        unopened,
        opened_twice,
        lambda: iter((pb.DetectDeepfakeRequest(),)),
        lambda: with_frame(codec=media.AUDIO_CODEC_UNSPECIFIED),
        lambda: with_frame(codec=99),
        lambda: with_frame(sample_rate_hz=0),
        lambda: with_frame(channels=0),
        lambda: with_frame(codec=media.AUDIO_CODEC_S16LE, payload=b"odd"),
        lambda: with_frame(payload=bytes(1_048_577)),
        lambda: detection([], analysis_interval_s=0.1),
        lambda: detection([], vad_silence_threshold_pct=101.0),
        lambda: detection([], tail_strategy=17),
        lambda: detection([], model_version="of-tomorrow"),
    ],
)
def test_what_breaks_the_protocol_is_an_invalid_argument(
    channel: grpc.Channel, key: str, requests: Callable[[], Iterator[pb.DetectDeepfakeRequest]]
):
    code, _ = refused(lambda: detect(channel, key, requests()))
    assert code is grpc.StatusCode.INVALID_ARGUMENT


def test_only_keys_that_may_predict_are_admitted(server: Server, channel: grpc.Channel):
    unknown, _ = refused(lambda: detect(channel, "vvx_nobody", detection([])))
    reader, _ = refused(lambda: detect(channel, server.key(scopes=[Scope.READ]), detection([])))

    assert unknown is grpc.StatusCode.UNAUTHENTICATED
    assert reader is grpc.StatusCode.PERMISSION_DENIED


def test_a_key_has_as_many_streams_as_its_plan_allows(server: Server, channel: grpc.Channel):
    free = server.key(Plan.FREE)
    with opened(server, free), opened(server, free):
        code, message = refused(lambda: detect(channel, free, detection([])))
        with socket(server, additional_headers={"X-Api-Key": free}) as third:
            websocket_code, reason = closed(third)

    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "2/2 concurrent" in message
    assert (websocket_code, reason) == (4429, message)


def test_a_full_server_refuses_more_streams(server: Server, channel: grpc.Channel, key: str):
    with ExitStack() as held:
        for _ in range(4):
            held.enter_context(opened(server, key))
        code, _ = refused(lambda: detect(channel, key, detection([])))

    assert code is grpc.StatusCode.UNAVAILABLE


def test_a_stream_that_goes_on_for_ever_gets_its_final_result_and_then_the_reason(
    server: Server, key: str
):
    with opened(server, key) as websocket:
        with suppress(ConnectionClosed):
            for _ in range(4):
                websocket.send(audio_json(VOICE))
        received = answers(websocket)

    assert received[-1].WhichOneof("response") == "final_result"
    assert websocket.close_code == 4413


def test_a_call_that_falls_silent_gets_its_final_result_and_then_the_reason(
    server: Server, key: str
):
    with opened(server, key) as websocket:
        websocket.send(audio_json(VOICE[: 4 * TELEPHONE_RATE]))
        received = answers(websocket)

    assert received[-1].WhichOneof("response") == "final_result"
    assert websocket.close_code == 4408
    assert "2 seconds" in (websocket.close_reason or "")


def test_a_call_that_breaks_off_leaves_nothing_behind(server: Server, key: str):
    with grpc.insecure_channel(f"127.0.0.1:{server.settings.grpc_port}") as own:
        call = pb_grpc.DeepfakeDetectionStub(own).DetectDeepfake(
            detection(cut(VOICE, 160)), metadata=metadata(key)
        )
        next(call)
        call.cancel()
    with opened(server, key) as websocket:
        websocket.send(audio_json(VOICE[:8_000]))
        websocket.socket.shutdown(SHUT_RDWR)


def test_a_websocket_speaks_the_json_of_the_stubs(server: Server, key: str):
    with socket(server, additional_headers={"Authorization": f"Bearer {key}"}) as websocket:
        for request in verification(cut(VOICE, 8_000)):
            websocket.send(json_format.MessageToJson(request))
        websocket.send("{}")
        received = answers(websocket)

    assert websocket.close_code == 1000
    assert received[0].create_session_response.session_id
    labels = [r.verdict.label for r in received if r.WhichOneof("response") == "verdict"]
    assert labels == [common.RESULT_LABEL_BONAFIDE] * 3
    final = received[-1].final_result
    assert final.total_audio_ms == 11_000
    assert final.per_consumer[0].overall_label == common.RESULT_LABEL_BONAFIDE


def test_the_websocket_messages_of_the_documentation_are_what_is_said(server: Server, key: str):
    page = Path("docs/streaming.md").read_text(encoding="utf-8")
    shown = page.split("## WebSocket")[1].split("```\n")[1].split("```")[0]
    shown = shown.replace('{"consumerName": "deepfake", ...}', '{"consumerName": "deepfake"}')
    lines = re.findall(r"^([<>]) (.*(?:\n   .*)*)", shown, re.MULTILINE)
    sound = speech(5.0, 48_000) + noise(5.0, 48_000, rms=0.08)
    (audio,) = packets(sound, 48_000, Codec.S16LE)

    with socket(server, additional_headers={"X-Api-Key": key}) as websocket:
        for direction, text in lines:
            if direction == ">":
                for message in cut(audio[960:], 96_000) if text.startswith("(") else [text]:
                    websocket.send(message)
        said = [json.loads(message) for message in websocket]

    documented = [json.loads(text) for direction, text in lines if direction == "<"]
    assert [shape(message) for message in said] == [shape(message) for message in documented]


def shape(message: dict[str, Any]) -> dict[str, set[str]]:
    """The kind of a message and the names in it."""
    return {kind: set(body) for kind, body in message.items()}


def test_binary_messages_are_audio_in_the_format_of_the_last_frame(server: Server, key: str):
    with opened(server, key) as websocket:
        websocket.send(audio_json(b""))
        for part in cut(VOICE, 8_000):
            websocket.send(part)
        websocket.send(b"")
        received = answers(websocket)

    assert received[-1].final_result.total_audio_ms == 11_000


def test_names_and_numbers_of_the_proto_are_understood(server: Server, key: str):
    frame = {"codec": 6, "sample_rate_hz": "8000", "channels": 1, "payload": "__8", "pts_ns": "5"}
    with socket(server, additional_headers={"X-Api-Key": key}) as websocket:
        websocket.send('{"create_session_request": {"config": {"session_type": 2}}}')
        websocket.send(json.dumps({"audio_frame": frame}))
        websocket.send("")
        received = answers(websocket)

    assert websocket.close_code == 1000
    assert received[-1].final_result.per_consumer[0].overall_label == common.RESULT_LABEL_UNKNOWN


def test_a_browser_may_give_its_key_as_a_subprotocol(server: Server, key: str):
    with socket(server, subprotocols=["veravox.v1", f"veravox.key.{key}"]) as websocket:
        websocket.send('{"createSessionRequest": {}}')
        assert "sessionId" in websocket.recv(CLIENT_SECONDS)
        assert websocket.subprotocol == "veravox.v1"


def test_a_browser_may_give_its_key_in_the_first_message(server: Server, key: str):
    with socket(server) as websocket:
        websocket.send(json.dumps({"apiKey": key}))
        websocket.send('{"createSessionRequest": {}}')
        assert "sessionId" in websocket.recv(CLIENT_SECONDS)


@pytest.mark.parametrize(
    ("headers", "messages", "code"),
    [
        ({"X-Api-Key": "vvx_nobody"}, [], 4401),
        ({}, ['{"apiKey": "vvx_nobody"}'], 4401),
        ({}, ["not json"], 4400),
        ({}, [], 4408),
    ],
)
def test_a_websocket_without_a_key_is_closed_with_the_reason(
    server: Server, headers: dict[str, str], messages: list[str], code: int
):
    with socket(server, additional_headers=headers) as websocket:
        for message in messages:
            websocket.send(message)
        assert closed(websocket)[0] == code


@pytest.mark.parametrize(
    "messages",
    [
        ["[]"],
        ["{"],
        [b"\x00\x01"],
        ['{"audioFrame": {}}'],
        ['{"createSessionRequest": {"unknown": 1}}'],
        ['{"createSessionRequest": {}}', b"audio of no known format"],
        ['{"createSessionRequest": {}}', '{"createSessionRequest": {}}'],
        ['{"createSessionRequest": {}}', audio_json(b"", codec="AUDIO_CODEC_MP3")],
        ['{"createSessionRequest": {}}', audio_json(b"", codec=0)],
        ['{"createSessionRequest": {}}', audio_json(b"?", payload="?")],
        ['{"createSessionRequest": {}}', audio_json(b"", channels=-1)],
    ],
)
def test_a_websocket_that_breaks_the_protocol_is_closed_with_the_reason(
    server: Server, key: str, messages: list[str | bytes]
):
    with socket(server, additional_headers={"X-Api-Key": key}) as websocket:
        for message in messages:
            websocket.send(message)
        code, reason = closed(websocket)

    assert code == 4400
    assert reason


def twilio(event: str, **fields: Any) -> str:
    return json.dumps({"event": event, "streamSid": "MZ1", "sequenceNumber": "1"} | fields)


def twilio_start(key: str) -> str:
    start = {
        "tracks": ["inbound", "outbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": {"apiKey": key},
    }
    return twilio("start", start=start)


def twilio_media(track: str, payload: bytes) -> str:
    return twilio("media", media={"track": track, "payload": base64.b64encode(payload).decode()})


def test_twilio_media_streams_become_predictions(server: Server, key: str):
    with connect(f"ws://127.0.0.1:{server.port}/v1/stream/twilio") as websocket:
        websocket.send('{"event": "connected", "protocol": "Call", "version": "1.0.0"}')
        websocket.send(twilio_start(key))
        for part in cut(VOICE, 1_600):
            websocket.send(twilio_media("inbound", part))
            websocket.send(twilio_media("outbound", HISS[:1_600]))
        websocket.send(twilio("mark", mark={"name": "x"}))
        websocket.send(twilio("stop"))
        code, _ = closed(websocket)

    with server.client(key) as client:
        kept = client.get("/v1/predictions/MZ1").json()
    assert code == 1000
    assert kept["global"]["result"] == "bonafide"
    assert kept["audio_duration"] == pytest.approx(SECONDS)


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        (["{}"], 4400),
        ([twilio("media")], 4400),
        ([twilio_start("vvx_nobody")], 4401),
        ([twilio("start", streamSid="../x")], 4400),
    ],
)
def test_what_twilio_would_not_send_closes_the_connection(
    server: Server, messages: list[str], code: int
):
    with connect(f"ws://127.0.0.1:{server.port}/v1/stream/twilio") as websocket:
        for message in messages:
            websocket.send(message)
        assert closed(websocket)[0] == code


@pytest.mark.parametrize("seed", range(4))
def test_hostile_opus_ends_in_a_result_or_a_clear_error(server: Server, key: str, seed: int):
    chance = random.Random(seed)
    sent = packets(speech(3.0, 48_000), 48_000, Codec.OPUS)

    with opened(server, key) as websocket:
        websocket.send(audio_json(b"", codec="AUDIO_CODEC_OPUS", sampleRateHz=48_000))
        with suppress(ConnectionClosed):
            for packet in sent:
                broken = packet[:1] + chance.randbytes(chance.randint(1, 400))
                websocket.send(broken if chance.random() < seed / 3 else packet)
            websocket.send("{}")
        code, reason = closed(websocket)

    assert code == 1000 or (code == 4400 and reason)
    with server.client(key) as client:
        assert client.get("/healthz").status_code == 200


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(messages=st.lists(st.one_of(st.text(min_size=1, max_size=80), st.binary(max_size=80))))
def test_no_message_is_a_server_error(server: Server, key: str, messages: list[str | bytes]):
    with opened(server, key) as websocket:
        websocket.send(audio_json(b""))
        try:
            for message in messages:
                websocket.send(message)
            websocket.send("{}")
        except ConnectionClosed:
            pass
        code, _ = closed(websocket)

    assert code in (1000, 4400)
