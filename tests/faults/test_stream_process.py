"""Streams of a server process that is told to end."""

import json
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

import grpc
from aurigin.deepfake_detection.v1 import deepfake_detection_pb2 as pb
from aurigin.deepfake_detection.v1 import deepfake_detection_pb2_grpc as pb_grpc
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.audio_factory import speech
from tests.http_factory import settings_for
from tests.processes import free_port, serve
from tests.stream_factory import TELEPHONE_RATE, cut, detection, telephone

SHUTDOWN_SECONDS = 5
VOICE = telephone(speech(6.0, TELEPHONE_RATE))


def test_open_streams_are_concluded_when_the_server_is_told_to_end(tmp_path: Path) -> None:
    port = free_port()
    settings = settings_for(tmp_path)
    ended = Event()

    def call() -> Iterator[pb.DetectDeepfakeRequest]:
        yield from detection(cut(VOICE, 160))
        ended.wait(60)

    variables = {"grpc_port": str(port), "shutdown_seconds": str(SHUTDOWN_SECONDS)}
    with (
        serve(settings, **variables) as server,
        grpc.insecure_channel(f"127.0.0.1:{port}") as channel,
        connect(
            f"ws://127.0.0.1:{server.port}/v1/stream", additional_headers={"X-Api-Key": server.key}
        ) as websocket,
    ):
        metadata = (("x-api-key", server.key),)
        stub = pb_grpc.DeepfakeDetectionStub(channel)
        answers = stub.DetectDeepfake(call(), metadata=metadata, timeout=60)
        websocket.send('{"createSessionRequest": {}}')
        frame = {"codec": "AUDIO_CODEC_PCMU", "sampleRateHz": TELEPHONE_RATE, "channels": 1}
        websocket.send(json.dumps({"audioFrame": frame}))
        websocket.send(VOICE)
        first = [next(answers), next(answers)]

        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        refused = _status(stub.DetectDeepfake(detection([]), metadata=metadata, timeout=60))
        said, status = _rest(answers)
        ended.set()
        messages, code = _all(websocket.recv)

        assert [answer.WhichOneof("response") for answer in first] == [
            "create_session_response",
            "analysis_result",
        ]
        assert refused is status is grpc.StatusCode.UNAVAILABLE
        assert said[-1].final_result.total_audio_ms == 6_000
        assert "finalResult" in messages[-1]
        assert code == 1013
        assert server.process.wait(30) in (0, -signal.SIGTERM)


def _rest(
    answers: Iterator[pb.DetectDeepfakeResponse],
) -> tuple[list[pb.DetectDeepfakeResponse], grpc.StatusCode]:
    received: list[pb.DetectDeepfakeResponse] = []
    try:
        for answer in answers:
            received.append(answer)
    except grpc.RpcError as error:
        return received, error.code()
    return received, grpc.StatusCode.OK


def _status(answers: Iterator[pb.DetectDeepfakeResponse]) -> grpc.StatusCode:
    return _rest(answers)[1]


def _all(receive: Callable[[float], str]) -> tuple[list[str], int]:
    messages: list[str] = []
    while True:
        try:
            messages.append(receive(60))
        except ConnectionClosed as end:
            return messages, end.rcvd.code if end.rcvd else 0
