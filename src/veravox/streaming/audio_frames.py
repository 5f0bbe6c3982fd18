"""aurigin.media.v1.AudioFrame and what it replaced, as frames of the domain."""

from collections.abc import Mapping

from aurigin.media.v1 import audio_frame_pb2 as media
from twilio.tme.extensions.common.v1 import audio_buffer_pb2 as twilio

from veravox.audio.frames import AudioFrame, Codec
from veravox.errors import InvalidRequest

CODECS: Mapping[int, Codec] = {
    media.AUDIO_CODEC_S16LE: Codec.S16LE,
    media.AUDIO_CODEC_S16BE: Codec.S16BE,
    media.AUDIO_CODEC_S24LE: Codec.S24LE,
    media.AUDIO_CODEC_S32LE: Codec.S32LE,
    media.AUDIO_CODEC_F32LE: Codec.F32LE,
    media.AUDIO_CODEC_PCMU: Codec.PCMU,
    media.AUDIO_CODEC_PCMA: Codec.PCMA,
    media.AUDIO_CODEC_OPUS: Codec.OPUS,
}
BUFFER_FORMATS = {"S16LE": Codec.S16LE, "F32LE": Codec.F32LE}


def from_frame(frame: media.AudioFrame) -> AudioFrame:
    """Raises InvalidRequest for an unspecified or unknown codec, or a frame that cannot be."""
    return AudioFrame(codec(frame.codec), frame.sample_rate_hz, frame.channels, frame.payload)


def codec(value: int) -> Codec:
    """The codec that a number of the AudioCodec enum stands for. Raises InvalidRequest."""
    known = CODECS.get(value)
    if known is None:
        raise InvalidRequest("The frame's codec is unspecified or unknown")
    return known


def from_buffer(buffer: twilio.AudioBuffer) -> AudioFrame:
    """The deprecated AudioBuffer. Raises InvalidRequest."""
    known = BUFFER_FORMATS.get(buffer.format)
    if known is None:
        raise InvalidRequest("The buffer's format must be S16LE or F32LE")
    return AudioFrame(known, buffer.rate, buffer.channels, buffer.buffer)
