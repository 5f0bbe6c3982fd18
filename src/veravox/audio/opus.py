"""Opus packets (RFC 6716), one after the other, as calls carry them (RFC 7587).

Unlike files, packets are decoded in the server's own process: a child for each call would cost 45
MB. No packet reaches more of FFmpeg than its Opus decoder, which has no container, no file and no
address to open. Whatever a packet says, it gives about 120 ms at most, within milliseconds, and
keeps no memory. What a hostile one can do is to give samples that are no audio; `FrameDecoder`
refuses those.
"""

from typing import Protocol, cast

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.error import FFmpegError
from av.packet import Packet

from veravox.audio.canonical import Samples
from veravox.errors import UndecodableAudio

OPUS_RATE = 48_000
"""The rate of decoded Opus, in Hz, whatever its bandwidth."""
OPUS_PACKET_SECONDS = 0.02
MOST_CHANNELS = 2
MOST_DAMAGED = 50
"""So many damaged packets in a row, usually a second, are not a bad line but something else."""

_LAYOUTS = {1: "mono", 2: "stereo"}


class _Decoder(Protocol):
    def decode(self, packet: "Packet[AudioStream]") -> list[AudioFrame]: ...


class OpusDecoder:
    """The decoder of one stream of packets."""

    def __init__(self, channels: int) -> None:
        """`channels` of the decoded audio, 1 or 2."""
        self.channels = channels
        context = av.AudioCodecContext.create("opus", "r")
        context.sample_rate = OPUS_RATE
        context.layout = _LAYOUTS[channels]
        context.thread_count = 1
        self._decoder = cast(_Decoder, context)
        self._damaged = 0
        self._length = round(OPUS_PACKET_SECONDS * OPUS_RATE)

    def decode(self, packet: bytes) -> Samples:
        """The audio in a packet, float32 (channels, n) at 48 kHz; silence for a damaged one.

        An empty packet is one that was lost. Raises UndecodableAudio when nothing but damage comes.
        """
        blocks = self._blocks(packet)
        if blocks:
            self._damaged = 0
            samples = np.concatenate(blocks, axis=1)
            self._length = samples.shape[1]
            return samples
        self._damaged += 1
        if self._damaged > MOST_DAMAGED:
            raise UndecodableAudio("The audio is damaged and cannot be decoded")
        return np.zeros((self.channels, self._length), np.float32)

    def _blocks(self, packet: bytes) -> list[Samples]:
        if not packet:
            return []
        try:
            frames = self._decoder.decode(cast("Packet[AudioStream]", Packet(packet)))
        except MemoryError:
            raise
        except FFmpegError:
            return []
        return [cast(Samples, frame.to_ndarray()) for frame in frames if frame.samples]
