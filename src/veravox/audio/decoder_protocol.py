"""What the server and its decoder processes say to each other.

One stream socket pair per process. The server sends a JSON request, ended by a newline; the process
answers INFO, any number of BLOCKs and DONE, or ERROR at any point. An answer is a header (kind,
length of the payload) and its payload: JSON, for BLOCK canonical float32 samples, for PROGRESS how
much of the file has been read.

The request carries the file's descriptor or, where the file has none because it lies elsewhere, its
size. Then the process asks for each part with READ and the server sends that part, without a header
and as long as it was asked for.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum

from veravox.errors import MediaError, MediaTooLarge, NoAudioStream, UndecodableAudio

HEADER = struct.Struct("<BI")
REQUEST_END = b"\n"
PROGRESS = struct.Struct("<d")
"""Share of the file that lies behind the reading position, 0..1."""
READ = struct.Struct("<QI")
"""Offset and length of a wanted part of the file, which lies inside the file."""
LARGEST_READ = 262_144
BLOCK_SAMPLES = 16_384
"""The most samples in one BLOCK message."""
LARGEST_PAYLOAD = 4 * BLOCK_SAMPLES


class Message(IntEnum):
    """The kinds of message that a decoder process sends."""

    READY = 1
    INFO = 2
    BLOCK = 3
    DONE = 4
    ERROR = 5
    PROGRESS = 6
    READ = 7


REPORTABLE_ERRORS: dict[str, type[MediaError]] = {
    error.__name__: error for error in (UndecodableAudio, NoAudioStream, MediaTooLarge)
}
"""The errors that a decoder process may report, by the name it reports them under."""


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """What decoding one file may cost.

    `max_seconds` of decoded audio, `max_channels`, sample rates in Hz, `memory_bytes` of address
    space beyond the idle process, `cpu_seconds` of the process, `wall_seconds` that the caller
    spends waiting for it (time that the caller takes between blocks does not count).
    """

    max_seconds: float = 12 * 3600.0
    max_channels: int = 32
    min_sample_rate: int = 8_000
    max_sample_rate: int = 192_000
    memory_bytes: int = 512 * 1024 * 1024
    cpu_seconds: int = 120
    wall_seconds: float = 300.0
