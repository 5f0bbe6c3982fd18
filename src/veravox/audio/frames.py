"""Audio as calls carry it: short self-describing frames, decoded one after the other.

PCM and G.711 (ITU-T G.711) are unpacked here to exactly the values that FFmpeg gives for the same
audio in a WAV file. An Opus frame is one packet (RFC 6716) and goes through FFmpeg's decoder.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from veravox.audio.canonical import Samples
from veravox.audio.decoder_protocol import DecodeLimits
from veravox.audio.opus import MOST_CHANNELS as MOST_OPUS_CHANNELS
from veravox.audio.opus import OPUS_PACKET_SECONDS, OPUS_RATE, OpusDecoder
from veravox.errors import InvalidRequest, UndecodableAudio

LARGEST_SAMPLE = 2.0**32
"""Floats scaled as 32-bit integers are audio; anything louder is not."""

_LIMITS = DecodeLimits()
_FULL_SCALE_16_BIT = 32_767 / 32_768
_FULL_SCALE_MU_LAW = 32_124 / 32_768
_FULL_SCALE_A_LAW = 32_256 / 32_768


class Codec(StrEnum):
    """How the payload of a frame is encoded; interleaved where there are several channels."""

    S16LE = "s16le"
    S16BE = "s16be"
    S24LE = "s24le"
    S32LE = "s32le"
    F32LE = "f32le"
    PCMU = "pcmu"
    PCMA = "pcma"
    OPUS = "opus"


@dataclass(frozen=True, slots=True)
class AudioFrame:
    """Some audio of a stream. `sample_rate` in Hz; for Opus the decoder gives 48 kHz anyway.

    Raises InvalidRequest for a rate or a number of channels that no stream may have, and for a
    payload that does not end with a whole sample of every channel.
    """

    codec: Codec
    sample_rate: int
    channels: int
    payload: bytes

    def __post_init__(self) -> None:
        """Checks the frame."""
        least, most = _LIMITS.min_sample_rate, _LIMITS.max_sample_rate
        channels = MOST_OPUS_CHANNELS if self.codec is Codec.OPUS else _LIMITS.max_channels
        if not least <= self.sample_rate <= most:
            raise InvalidRequest(f"The sample rate must be between {least} and {most} Hz")
        if not 1 <= self.channels <= channels:
            raise InvalidRequest(f"{self.codec} frames must have 1 to {channels} channels")
        if self.codec is not Codec.OPUS and len(self.payload) % self._step:
            raise InvalidRequest(
                f"A {self.codec} frame of {self.channels} channels must be a multiple of "
                f"{self._step} bytes"
            )

    @property
    def _step(self) -> int:
        """Bytes of one sample of every channel."""
        return _PCM[self.codec].width * self.channels

    @property
    def seconds(self) -> float:
        """How long the frame lasts; for an Opus packet the 20 ms that are usual."""
        if self.codec is Codec.OPUS:
            return OPUS_PACKET_SECONDS
        return len(self.payload) / self._step / self.sample_rate

    def parts(self, seconds: float) -> "Iterator[AudioFrame]":
        """The same audio in frames of at most `seconds`; an Opus packet stays whole."""
        if self.codec is Codec.OPUS or self.seconds <= seconds:
            yield self
            return
        size = max(1, round(seconds * self.sample_rate)) * self._step
        for first in range(0, len(self.payload), size):
            yield replace(self, payload=self.payload[first : first + size])

    def follows(self, other: "AudioFrame") -> bool:
        """Whether this frame's payload may simply be appended to the other's."""
        return (
            self.codec is not Codec.OPUS
            and self.codec is other.codec
            and self.sample_rate == other.sample_rate
            and self.channels == other.channels
        )


@dataclass(frozen=True, slots=True)
class DecodedFrame:
    """float32 `samples` of shape (channels, n) at `sample_rate` Hz, full scale +-1.

    `full_scale`: the largest value that the codec can hold.
    """

    samples: Samples
    sample_rate: int
    full_scale: float


class FrameDecoder:
    """Decodes the frames of one stream in their order; the codec may change at any frame."""

    def __init__(self) -> None:
        """Nothing is opened before the first frame."""
        self._opus: OpusDecoder | None = None

    def decode(self, frame: AudioFrame) -> DecodedFrame:
        """The audio in a frame.

        Raises UndecodableAudio for samples that are no audio, which floats and the decoder of Opus
        can give, and for Opus that stays damaged.
        """
        if frame.codec is Codec.OPUS:
            decoded = self._decode_opus(frame)
        else:
            self._opus = None
            pcm = _PCM[frame.codec]
            samples = pcm.unpack(frame.payload).reshape(-1, frame.channels).T
            decoded = DecodedFrame(samples, frame.sample_rate, pcm.full_scale)
        if frame.codec in (Codec.F32LE, Codec.OPUS) and decoded.samples.size:
            _check_range(decoded.samples)
        return decoded

    def _decode_opus(self, frame: AudioFrame) -> DecodedFrame:
        if self._opus is None or self._opus.channels != frame.channels:
            self._opus = OpusDecoder(frame.channels)
        return DecodedFrame(self._opus.decode(frame.payload), OPUS_RATE, _FULL_SCALE_16_BIT)


def _check_range(samples: Samples) -> None:
    if not float(np.abs(samples).max()) <= LARGEST_SAMPLE:
        raise UndecodableAudio(
            "The audio contains samples that are not finite or far beyond full scale"
        )


def _s16(order: str) -> Callable[[bytes], Samples]:
    def unpack(payload: bytes) -> Samples:
        return np.frombuffer(payload, f"{order}i2").astype(np.float32) / np.float32(32_768.0)

    return unpack


def _s24(payload: bytes) -> Samples:
    padded = np.zeros((len(payload) // 3, 4), np.uint8)
    padded[:, 1:] = np.frombuffer(payload, np.uint8).reshape(-1, 3)
    return _from_32_bits(padded.view("<i4")[:, 0])


def _s32(payload: bytes) -> Samples:
    return _from_32_bits(np.frombuffer(payload, "<i4"))


def _f32(payload: bytes) -> Samples:
    return np.frombuffer(payload, "<f4").astype(np.float32)


def _from_32_bits(values: NDArray[Any]) -> Samples:
    return (values / 2.0**31).astype(np.float32)


def _mu_law_value(code: int) -> int:
    """The 16-bit sample that a mu-law code stands for (G.711, table 2, scaled to 16 bits)."""
    inverted = ~code & 0xFF
    magnitude = ((((inverted & 0x0F) << 3) + 0x84) << ((inverted & 0x70) >> 4)) - 0x84
    return -magnitude if inverted & 0x80 else magnitude


def _a_law_value(code: int) -> int:
    """The 16-bit sample that an A-law code stands for (G.711, table 1, scaled to 16 bits)."""
    toggled = code ^ 0x55
    segment = (toggled & 0x70) >> 4
    magnitude = ((toggled & 0x0F) << 4) + 8
    if segment:
        magnitude = (magnitude + 0x100) << (segment - 1)
    return magnitude if toggled & 0x80 else -magnitude


def _table(value: Callable[[int], int]) -> Callable[[bytes], Samples]:
    table = np.array([value(code) for code in range(256)], np.float32) / np.float32(32_768.0)

    def unpack(payload: bytes) -> Samples:
        return table[np.frombuffer(payload, np.uint8)]

    return unpack


@dataclass(frozen=True, slots=True)
class _Pcm:
    """`width` bytes a sample, `unpack` to float32 (n,)."""

    width: int
    unpack: Callable[[bytes], Samples]
    full_scale: float = _FULL_SCALE_16_BIT


_PCM: Mapping[Codec, _Pcm] = {
    Codec.S16LE: _Pcm(2, _s16("<")),
    Codec.S16BE: _Pcm(2, _s16(">")),
    Codec.S24LE: _Pcm(3, _s24),
    Codec.S32LE: _Pcm(4, _s32),
    Codec.F32LE: _Pcm(4, _f32),
    Codec.PCMU: _Pcm(1, _table(_mu_law_value), _FULL_SCALE_MU_LAW),
    Codec.PCMA: _Pcm(1, _table(_a_law_value), _FULL_SCALE_A_LAW),
}
