"""Audio that is judged while it goes on, through the client, against a real server."""

from collections.abc import AsyncIterator, Iterator

import numpy as np
import pytest

from tests.audio_factory import speech, tone
from tests.http_factory import Server
from veravox_client import (
    AsyncClient,
    AudioFormat,
    Client,
    InvalidRequest,
    StreamResult,
    StreamStarted,
    StreamVerdict,
    Unauthorized,
)

BLOCK_BYTES = 6_400


def pcm(spoofed: bool = False) -> bytes:
    """Twelve seconds of 16-bit audio at 16 kHz."""
    sound = speech(12.0) + (tone(12.0, 6_000.0, peak=0.05) if spoofed else 0.0)
    return (sound[0] * 32_767.0).astype(np.int16).tobytes()


def blocks(audio: bytes) -> Iterator[bytes]:
    for first in range(0, len(audio), BLOCK_BYTES):
        yield audio[first : first + BLOCK_BYTES]


@pytest.mark.parametrize(("spoofed", "label"), [(False, "bonafide"), (True, "spoofed")])
def test_verdicts_come_while_audio_goes_and_a_result_at_the_end(
    client: Client, spoofed: bool, label: str
) -> None:
    events = list(client.stream(blocks(pcm(spoofed))))

    verdicts = [event for event in events if isinstance(event, StreamVerdict)]
    assert isinstance(events[0], StreamStarted)
    assert [verdict.audio_offset_ms for verdict in verdicts[:2]] == [0, 5000]
    assert {verdict.label for verdict in verdicts} == {label}
    assert isinstance(events[-1], StreamResult)
    assert events[-1].total_audio_ms == 12_000
    assert events[-1].per_consumer[0].overall_label == label
    assert client.prediction(events[0].session_id).finished


def test_a_stream_that_is_too_short_ends_without_a_verdict(client: Client) -> None:
    *_, result = client.stream([pcm()[: 2 * BLOCK_BYTES]])

    assert isinstance(result, StreamResult)
    assert result.per_consumer[0].overall_label == "unknown"


@pytest.mark.anyio
async def test_the_asynchronous_client_streams_as_well(server: Server, key: str) -> None:
    async def audio() -> AsyncIterator[bytes]:
        for block in blocks(pcm()):
            yield block

    async with AsyncClient(server.url, key) as client:
        events = [event async for event in client.stream(audio())]

    assert isinstance(events[-1], StreamResult)
    assert events[-1].per_consumer[0].overall_label == "bonafide"


def test_refusals_are_errors_of_their_kind(server: Server, client: Client) -> None:
    with pytest.raises(InvalidRequest):
        list(client.stream([b"odd"], AudioFormat(sample_rate=1)))
    with Client(server.url, "vvx_wrong") as stranger, pytest.raises(Unauthorized):
        list(stranger.stream(blocks(pcm())))


def test_what_getting_the_audio_raises_ends_the_stream(client: Client) -> None:
    def breaking() -> Iterator[bytes]:
        yield pcm()[:BLOCK_BYTES]
        raise OSError("the microphone is gone")

    with pytest.raises(OSError, match="microphone"):
        list(client.stream(breaking()))
