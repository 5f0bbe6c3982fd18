from google.protobuf.message import Message

AUDIO_CODEC_UNSPECIFIED: int
AUDIO_CODEC_S16LE: int
AUDIO_CODEC_S16BE: int
AUDIO_CODEC_S24LE: int
AUDIO_CODEC_S32LE: int
AUDIO_CODEC_F32LE: int
AUDIO_CODEC_PCMU: int
AUDIO_CODEC_PCMA: int
AUDIO_CODEC_OPUS: int

class AudioFrame(Message):
    codec: int
    sample_rate_hz: int
    channels: int
    payload: bytes
