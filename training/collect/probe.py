"""Container, sample rate and length of an encoded clip, from its headers."""

import io
from dataclasses import dataclass

import av
from av.error import FFmpegError

from veravox.audio.reader import DEMUXERS
from veravox.audio.sniff import HEAD_BYTES, sniff
from veravox.errors import MediaError


@dataclass(frozen=True, slots=True)
class Probed:
    """What a file's headers say: `seconds` is to milliseconds."""

    container: str
    sample_rate: int
    seconds: float


def probe(content: bytes) -> Probed | None:
    """The facts of a clip, None where it is not audio that can be opened."""
    try:
        container = sniff(content[:HEAD_BYTES])
        with av.open(io.BytesIO(content), format=DEMUXERS[container]) as media:
            stream = media.streams.audio[0]
            if stream.duration is not None and stream.time_base is not None:
                seconds = float(stream.duration * stream.time_base)
            else:
                seconds = (media.duration or 0) / 1_000_000
            return Probed(container, stream.rate, round(seconds, 3))
    except (MediaError, FFmpegError, IndexError):
        return None
