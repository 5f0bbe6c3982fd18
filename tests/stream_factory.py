"""Calls for tests: audio in frames, and both ends of a stream."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
from aurigin.client.v1 import audio_verification_pb2 as client_pb
from aurigin.deepfake_detection.v1 import deepfake_detection_pb2 as pb
from aurigin.media.v1 import audio_frame_pb2 as media

from tests.audio_factory import SPOKEN_RATE, Sound, noise, speech
from tests.model_factory import write_model
from veravox.audio.frames import AudioFrame, Codec
from veravox.detection.card import QualityLimits

TELEPHONE_RATE = 8_000
FFMPEG_CODECS = {
    Codec.S16LE: "pcm_s16le",
    Codec.S16BE: "pcm_s16be",
    Codec.S24LE: "pcm_s24le",
    Codec.S32LE: "pcm_s32le",
    Codec.F32LE: "pcm_f32le",
    Codec.PCMU: "pcm_mulaw",
    Codec.PCMA: "pcm_alaw",
}
FORMATS = {Codec.S24LE: "s32", Codec.S32LE: "s32", Codec.F32LE: "flt"}
LAYOUTS = {1: "mono", 2: "stereo"}


def packets(sound: Sound, rate: int, codec: Codec) -> list[bytes]:
    """`sound`, shape (channels, n), encoded by FFmpeg; one packet for PCM, 20 ms each for Opus."""
    layout = LAYOUTS[sound.shape[0]]
    name = "libopus" if codec is Codec.OPUS else FFMPEG_CODECS[codec]
    encoder = av.AudioCodecContext.create(name, "w")
    encoder.sample_rate, encoder.layout = rate, layout
    encoder.format = FORMATS.get(codec, "s16")
    step = rate // 50 if codec is Codec.OPUS else sound.shape[1]
    encoded: list[bytes] = []
    for first in range(0, sound.shape[1] - step + 1, step):
        part = np.ascontiguousarray(sound[:, first : first + step].T.reshape(1, -1))
        frame = av.AudioFrame.from_ndarray(part, format="flt", layout=layout)
        frame.sample_rate = rate
        converted = av.AudioResampler(encoder.format, layout, rate).resample(frame)
        encoded += [bytes(packet) for piece in converted for packet in encoder.encode(piece)]
    return encoded


def telephone(sound: Sound, rate: int = TELEPHONE_RATE) -> bytes:
    """Mono sound as mu-law."""
    return b"".join(packets(sound, rate, Codec.PCMU))


def cut(payload: bytes, size: int) -> Iterator[bytes]:
    """`payload` in pieces of `size` bytes."""
    return (payload[first : first + size] for first in range(0, len(payload), size))


def install_hearing(models: Path) -> None:
    """The tiny model that calls noise a spoof, however noisy it is."""
    limits = QualityLimits(net_speech=1.0, window_speech=0.5, snr_db=-20.0, bandwidth_hz=3_000)
    write_model(models, quality=limits)


def spliced(seconds: float, first: float, last: float) -> Sound:
    """Speech at 16 kHz that the tiny model takes for spoofed from `first` to `last` second."""
    sound = speech(seconds)
    span = slice(round(first * SPOKEN_RATE), round(last * SPOKEN_RATE))
    sound[:, span] += noise(seconds, rms=0.12)[:, span]
    return sound


def frames(payload: bytes, size: int, **changes: Any) -> list[AudioFrame]:
    """Mu-law frames of `size` bytes."""
    fields: dict[str, Any] = {"codec": Codec.PCMU, "sample_rate": TELEPHONE_RATE, "channels": 1}
    return [AudioFrame(payload=part, **(fields | changes)) for part in cut(payload, size)]


def telephone_frame(payload: bytes, rate: int = TELEPHONE_RATE) -> media.AudioFrame:
    return media.AudioFrame(
        codec=media.AUDIO_CODEC_PCMU,
        sample_rate_hz=rate,
        channels=1,
        payload=payload,
    )


def detection(
    payloads: Sequence[bytes] | Iterator[bytes], rate: int = TELEPHONE_RATE, **config: Any
) -> Iterator[pb.DetectDeepfakeRequest]:
    """The requests of a whole call to DetectDeepfake."""
    opening = pb.CreateSessionRequest(config=pb.DetectionConfig(**config))
    yield pb.DetectDeepfakeRequest(create_session_request=opening)
    for payload in payloads:
        yield pb.DetectDeepfakeRequest(audio_frame=telephone_frame(payload, rate))


def verification(
    payloads: Sequence[bytes] | Iterator[bytes], rate: int = TELEPHONE_RATE
) -> Iterator[client_pb.StreamRequest]:
    """The requests of a whole call to AudioVerification.Stream."""
    yield client_pb.StreamRequest(create_session_request=client_pb.CreateSessionRequest())
    for payload in payloads:
        yield client_pb.StreamRequest(audio_frame=telephone_frame(payload, rate))
