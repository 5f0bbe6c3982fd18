"""Real audio files for tests, made in memory: sounds, and encodings of them with FFmpeg.

Sounds are float32 arrays of shape (channels, n); `encode` turns them into the bytes of a file.
"""

import functools
import io
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import soxr
from numpy.typing import NDArray

FIXTURES = Path(__file__).parent / "fixtures"
SPOKEN_RATE = 16_000

Sound = NDArray[np.float32]


@dataclass(frozen=True)
class Encoding:
    """A container and an audio codec as FFmpeg names them.

    `format`: what `veravox.audio.sniff` calls it. `rates`, `channels`: what the encoder takes.
    `lossless`: to 16 bits or better. `bit_rate`: in bits a second for each channel.
    """

    suffix: str
    muxer: str
    codec: str
    format: str
    sample_format: str
    rates: tuple[int, ...]
    lossless: bool = False
    channels: tuple[int, ...] = (1, 2)
    options: dict[str, str] = field(default_factory=dict)
    bit_rate: int | None = None


_ANY = (8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000, 192_000)
_AAC = (8_000, 16_000, 44_100, 48_000, 96_000)
_MP3 = (8_000, 16_000, 22_050, 44_100, 48_000)
_OPUS = (8_000, 16_000, 48_000)
_PCM = {"suffix": "wav", "muxer": "wav", "format": "wav", "rates": _ANY}

ENCODINGS: dict[str, Encoding] = {
    "wav-u8": Encoding(codec="pcm_u8", sample_format="u8", **_PCM),
    "wav-s16": Encoding(codec="pcm_s16le", sample_format="s16", lossless=True, **_PCM),
    "wav-s24": Encoding(codec="pcm_s24le", sample_format="s32", lossless=True, **_PCM),
    "wav-s32": Encoding(codec="pcm_s32le", sample_format="s32", lossless=True, **_PCM),
    "wav-f32": Encoding(codec="pcm_f32le", sample_format="flt", lossless=True, **_PCM),
    "wav-f64": Encoding(codec="pcm_f64le", sample_format="dbl", lossless=True, **_PCM),
    "wav-alaw": Encoding(codec="pcm_alaw", sample_format="s16", **_PCM),
    "wav-mulaw": Encoding(codec="pcm_mulaw", sample_format="s16", **_PCM),
    "wav-rf64": Encoding(
        codec="pcm_s16le", sample_format="s16", lossless=True, options={"rf64": "always"}, **_PCM
    ),
    "mp3": Encoding("mp3", "mp3", "libmp3lame", "mp3", "fltp", _MP3, bit_rate=64_000),
    "mp3-without-id3": Encoding(
        *("mp3", "mp3", "libmp3lame", "mp3", "fltp", _MP3),
        options={"id3v2_version": "0", "write_xing": "0"},
        bit_rate=64_000,
    ),
    "aac": Encoding("aac", "adts", "aac", "aac", "fltp", _AAC, bit_rate=64_000),
    "flac": Encoding("flac", "flac", "flac", "flac", "s16", _ANY, lossless=True),
    "flac-24": Encoding("flac", "flac", "flac", "flac", "s32", _ANY, lossless=True),
    "ogg-vorbis": Encoding("ogg", "ogg", "vorbis", "ogg", "fltp", (16_000, 48_000), channels=(2,)),
    "ogg-opus": Encoding("ogg", "ogg", "libopus", "ogg", "s16", _OPUS, bit_rate=48_000),
    "ogg-flac": Encoding("oga", "ogg", "flac", "ogg", "s16", _ANY, lossless=True),
    "m4a": Encoding("m4a", "ipod", "aac", "mp4", "fltp", _AAC, bit_rate=64_000),
    "m4a-alac": Encoding("m4a", "ipod", "alac", "mp4", "s16p", (44_100, 48_000), lossless=True),
    "mp4": Encoding("mp4", "mp4", "aac", "mp4", "fltp", _AAC, bit_rate=64_000),
    "mp4-fragmented": Encoding(
        *("mp4", "mp4", "aac", "mp4", "fltp", _AAC),
        options={"movflags": "frag_keyframe+empty_moov"},
        bit_rate=64_000,
    ),
    "mov": Encoding("mov", "mov", "pcm_s16be", "mp4", "s16", _ANY[:-2], lossless=True),
    "avi-mp3": Encoding("avi", "avi", "libmp3lame", "avi", "fltp", _MP3, bit_rate=64_000),
    "avi-pcm": Encoding("avi", "avi", "pcm_s16le", "avi", "s16", _ANY, lossless=True),
    "mkv-flac": Encoding("mkv", "matroska", "flac", "matroska", "s16", _ANY, lossless=True),
    "mkv-aac": Encoding("mkv", "matroska", "aac", "matroska", "fltp", _AAC, bit_rate=64_000),
    "webm-opus": Encoding("webm", "webm", "libopus", "matroska", "s16", _OPUS, bit_rate=48_000),
    "webm-vorbis": Encoding("webm", "webm", "vorbis", "matroska", "fltp", (44_100,), channels=(2,)),
    "amr-nb": Encoding(
        *("amr", "amr", "libopencore_amrnb", "amr", "s16", (8_000,)), channels=(1,), bit_rate=12_200
    ),
}


@functools.cache
def _spoken() -> Sound:
    with av.open(FIXTURES / "spoken.flac") as media:
        frames = [frame.to_ndarray() for frame in media.decode(audio=0)]
    return np.concatenate(frames, axis=1).astype(np.float32) / 32_768.0


def speech(seconds: float = 4.0, sample_rate: int = SPOKEN_RATE, channels: int = 1) -> Sound:
    """A voice that reads two sentences over and over; the same in every channel."""
    spoken = _spoken()[0]
    repeats = int(np.ceil(seconds * SPOKEN_RATE / spoken.size))
    voice = np.tile(spoken, repeats)[: round(seconds * SPOKEN_RATE)]
    if sample_rate != SPOKEN_RATE:
        voice = soxr.resample(voice, SPOKEN_RATE, sample_rate, "HQ")
    return np.tile(voice, (channels, 1)).astype(np.float32)


def silence(seconds: float, sample_rate: int = SPOKEN_RATE, channels: int = 1) -> Sound:
    """Digital silence."""
    return np.zeros((channels, round(seconds * sample_rate)), np.float32)


def noise(
    seconds: float, sample_rate: int = SPOKEN_RATE, rms: float = 0.05, seed: int = 0
) -> Sound:
    """White Gaussian noise."""
    samples = np.random.default_rng(seed).normal(0.0, rms, (1, round(seconds * sample_rate)))
    return samples.astype(np.float32)


def tone(
    seconds: float, hertz: float = 440.0, sample_rate: int = SPOKEN_RATE, peak: float = 0.5
) -> Sound:
    """A sine."""
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    return (peak * np.sin(2.0 * np.pi * hertz * time)).astype(np.float32)[np.newaxis]


def music(seconds: float, sample_rate: int = SPOKEN_RATE) -> Sound:
    """Slowly changing plucked chords of five harmonics a note."""
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    chords = np.array([[220.0, 277.2, 329.6], [196.0, 246.9, 293.7], [174.6, 220.0, 261.6]])
    notes = chords[(time // 0.5).astype(int) % len(chords)].T
    decay = np.exp(-4.0 * (time % 0.5))
    phases = 2.0 * np.pi * np.cumsum(notes, axis=1) / sample_rate
    harmonics = sum(np.sin(k * phases).sum(axis=0) / k for k in range(1, 6))
    return (0.08 * decay * harmonics).astype(np.float32)[np.newaxis]


def encode(sound: Sound, sample_rate: int, encoding: str = "wav-s16") -> bytes:
    """The bytes of a file that holds `sound` in one of `ENCODINGS`."""
    return encode_as(sound, sample_rate, ENCODINGS[encoding])


def encode_as(sound: Sound, sample_rate: int, encoding: Encoding, picture: bool = False) -> bytes:
    """The bytes of a file that holds `sound` and, if wanted, a second of moving picture."""
    file = io.BytesIO()
    with av.open(file, "w", format=encoding.muxer, options=dict(encoding.options)) as media:
        film = _picture_stream(media) if picture else None
        _add_sound(media, sound, sample_rate, encoding)
        if film:
            _add_picture(media, film)
    return file.getvalue()


def picture_only(muxer: str = "mp4") -> bytes:
    """The bytes of a video that has no sound."""
    file = io.BytesIO()
    with av.open(file, "w", format=muxer) as media:
        _add_picture(media, _picture_stream(media))
    return file.getvalue()


def spoken_file(encoding: str = "wav-s16", seconds: float = 4.0, sample_rate: int = 0) -> bytes:
    """The bytes of a file in which somebody speaks, at 16 kHz if the encoding can."""
    rates = ENCODINGS[encoding].rates
    rate = sample_rate or (SPOKEN_RATE if SPOKEN_RATE in rates else rates[0])
    return encode(speech(seconds, rate, ENCODINGS[encoding].channels[0]), rate, encoding)


def _add_sound(
    media: av.container.OutputContainer, sound: Sound, sample_rate: int, encoding: Encoding
) -> None:
    channels, length = sound.shape
    layout = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}[channels]
    stream = media.add_stream(
        encoding.codec, rate=sample_rate, layout=layout, format=encoding.sample_format
    )
    if encoding.codec == "vorbis":
        stream.codec_context.options = {"strict": "experimental"}
    if encoding.bit_rate:
        stream.bit_rate = encoding.bit_rate * channels
    for first in range(0, length, sample_rate):
        part = sound[:, first : first + sample_rate].T.reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(part, format="flt", layout=layout)
        frame.sample_rate = sample_rate
        frame.pts = first
        frame.time_base = Fraction(1, sample_rate)
        media.mux(stream.encode(frame))
    media.mux(stream.encode(None))


def _picture_stream(media: av.container.OutputContainer) -> av.VideoStream:
    return media.add_stream("mpeg4", rate=5, width=64, height=64, pix_fmt="yuv420p")


def _add_picture(media: av.container.OutputContainer, stream: av.VideoStream) -> None:
    for index in range(5):
        grey = np.full((64, 64, 3), 40 * index, np.uint8)
        media.mux(stream.encode(av.VideoFrame.from_ndarray(grey, format="rgb24")))
    media.mux(stream.encode(None))
