"""Many calls at once: how far behind real time their results come.

Every call is 8-kHz mu-law in frames of 20 ms, sent over gRPC at the pace of speech; their starts
are spread over one window, as those of real calls are. The lag of a result is the time from the
moment at which its window's last sample was spoken to its arrival. Run it alone with
`python -m benchmarks.streams [CALLS [SECONDS]]`.
"""

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import av
import grpc
import httpx
from aurigin.deepfake_detection.v1 import deepfake_detection_pb2 as pb
from aurigin.deepfake_detection.v1 import deepfake_detection_pb2_grpc as pb_grpc
from aurigin.media.v1 import audio_frame_pb2 as media

from benchmarks.audio import RATE, speech
from benchmarks.server import CPUS, free_port, memory, new_key, running

CALLS = 100
SECONDS = 30.0
WINDOW = 5.0
TELEPHONE_RATE = 8_000
FRAME_SECONDS = 0.02
FRAME_BYTES = round(FRAME_SECONDS * TELEPHONE_RATE)
LONGEST_LAG = 1.0


@dataclass
class Measured:
    """What the calls saw: lags of results and of our own sending, in seconds."""

    lags: list[float] = field(default_factory=list)
    late: float = 0.0
    finals: int = 0


def measure(calls: int = CALLS, seconds: float = SECONDS) -> Iterator[tuple[str, str, str]]:
    """Rows of (what, measured, budget)."""
    with tempfile.TemporaryDirectory() as folder:
        key = new_key(Path(folder))
        port = free_port()
        settings = {"VERAVOX_GRPC_PORT": str(port), "VERAVOX_STREAM_LIMIT": str(calls)}
        with running(Path(folder), settings) as (process, url, _):
            idle = memory(process.pid)
            before, started = cpu_seconds(process.pid), time.perf_counter()
            measured = asyncio.run(all_calls(port, key, calls, seconds))
            used = cpu_seconds(process.pid) - before
            passed = time.perf_counter() - started
            highest = memory(process.pid)
            left = open_streams(url)
    name = f"{calls} mu-law calls of {seconds:g} s over gRPC"
    lags = measured.lags
    yield f"{name}: lag of a result, p50", f"{statistics.median(lags):.2f} s", ""
    yield "the same, p99", f"{statistics.quantiles(lags, n=100)[-1]:.2f} s", ""
    yield "the same, worst", f"{max(lags):.2f} s", f"{LONGEST_LAG:g} s"
    cores = used / seconds
    yield f"processor time for {calls} such calls at once", f"{cores:.2f} cores", f"{CPUS} cores"
    yield "processors that the server was given", f"{used / passed:.2f}", ""
    yield "memory for each call", f"{max(0, highest - idle) / calls:.2f} MiB", ""
    yield "results and final results", f"{len(lags)} and {measured.finals} of {calls}", ""
    yield "latest frame sent by the benchmark itself", f"{measured.late:.2f} s late", ""
    yield "streams left open", f"{left}", "0"


async def all_calls(port: int, key: str, calls: int, seconds: float) -> Measured:
    """Make the calls and wait for their ends."""
    audio = mu_law(seconds)
    measured = Measured()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = pb_grpc.DeepfakeDetectionStub(channel)
        await asyncio.gather(
            *(call(stub, key, audio, WINDOW * i / calls, measured) for i in range(calls))
        )
    return measured


async def call(
    stub: pb_grpc.DeepfakeDetectionStub, key: str, audio: bytes, delay: float, measured: Measured
) -> None:
    """One call that begins after `delay` seconds."""
    await asyncio.sleep(delay)
    started = time.perf_counter()
    answers = stub.DetectDeepfake(
        requests(audio, started, measured), metadata=(("authorization", f"Bearer {key}"),)
    )
    async for answer in answers:
        kind = answer.WhichOneof("response")
        if kind == "analysis_result":
            result = answer.analysis_result
            spoken = started + (result.audio_offset_ms + result.duration_ms) / 1000
            measured.lags.append(time.perf_counter() - spoken)
        elif kind == "final_result":
            measured.finals += 1


async def requests(
    audio: bytes, started: float, measured: Measured
) -> AsyncGenerator[pb.DetectDeepfakeRequest]:
    """The session, then every frame when it has been spoken."""
    yield pb.DetectDeepfakeRequest(create_session_request=pb.CreateSessionRequest())
    for first in range(0, len(audio), FRAME_BYTES):
        due = started + (first + FRAME_BYTES) / TELEPHONE_RATE
        await asyncio.sleep(due - time.perf_counter())
        measured.late = max(measured.late, time.perf_counter() - due)
        frame = media.AudioFrame(
            codec=media.AUDIO_CODEC_PCMU,
            sample_rate_hz=TELEPHONE_RATE,
            channels=1,
            payload=audio[first : first + FRAME_BYTES],
        )
        yield pb.DetectDeepfakeRequest(audio_frame=frame)


def mu_law(seconds: float) -> bytes:
    """`seconds` of speech as 8-kHz mu-law."""
    frame = av.AudioFrame.from_ndarray(speech(seconds)[None], format="s16", layout="mono")
    frame.sample_rate = RATE
    resampler = av.AudioResampler(format="s16", layout="mono", rate=TELEPHONE_RATE)
    encoder = av.AudioCodecContext.create("pcm_mulaw", "w")
    encoder.sample_rate, encoder.layout, encoder.format = TELEPHONE_RATE, "mono", "s16"
    parts = (*resampler.resample(frame), *resampler.resample(None))
    return b"".join(bytes(packet) for part in parts for packet in encoder.encode(part))


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def open_streams(url: str) -> int:
    """How many streams the server says are open."""
    time.sleep(0.5)
    lines = httpx.get(f"{url}/metrics").text.splitlines()
    return round(
        sum(float(line.split()[-1]) for line in lines if line.startswith("veravox_streams{"))
    )


def main() -> None:
    """Print the table."""
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else CALLS
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else SECONDS
    print("| what | measured | budget |\n|---|---|---|")
    for what, measured, budget in measure(calls, seconds):
        print(f"| {what} | {measured} | {budget} |", flush=True)


if __name__ == "__main__":
    main()
