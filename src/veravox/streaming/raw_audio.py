"""Bare samples, which say nothing about themselves, as a recording that does."""

import struct

from veravox.audio.frames import AudioFrame, Codec, FrameDecoder
from veravox.audio.sniff import HEAD_BYTES, sniff
from veravox.errors import InvalidRequest, UnsupportedFormat

TELEPHONE_RATE = 8_000
LINEAR_RATE = 16_000
_FLOAT_WAV = struct.Struct("<4sI4s4sIHHIIHH4sI")


def as_recording(audio: bytes, hint: Codec | None) -> bytes:
    """`audio` as a file.

    Without a known container and with the codec that the caller names it is taken for bare mono
    samples: G.711 at 8 kHz, linear PCM at 16 kHz. Raises InvalidRequest when that cannot be.
    """
    if hint is None or _has_container(audio):
        return audio
    if hint is Codec.OPUS:
        raise InvalidRequest("Bare Opus packets cannot be verified; send them in Ogg")
    rate = TELEPHONE_RATE if hint in (Codec.PCMU, Codec.PCMA) else LINEAR_RATE
    decoded = FrameDecoder().decode(AudioFrame(hint, rate, 1, audio))
    return _float_wav(decoded.samples[0].astype("<f4").tobytes(), rate)


def _has_container(audio: bytes) -> bool:
    try:
        sniff(audio[:HEAD_BYTES])
    except UnsupportedFormat as error:
        return error.recognised is not None
    return True


def _float_wav(samples: bytes, rate: int) -> bytes:
    """A mono WAV file of 32-bit floats (WAVE_FORMAT_IEEE_FLOAT)."""
    header = _FLOAT_WAV.pack(
        *(b"RIFF", 36 + len(samples), b"WAVE"),
        *(b"fmt ", 16, 3, 1, rate, 4 * rate, 4, 32),
        *(b"data", len(samples)),
    )
    return header + samples
