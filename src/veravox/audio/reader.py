"""Compressed bytes to PCM with PyAV. Runs in the decoder process only: media is hostile.

FFmpeg gets a file object, the one demuxer that sniffing chose and no protocol, so that it can
neither guess another format nor open anything a file refers to. Only audio decoders may run.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn, Protocol, cast

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.plane import AudioPlane
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Discard
from numpy.typing import NDArray

from veravox.audio.canonical import Samples
from veravox.audio.container import container_facts
from veravox.audio.decoder_protocol import DecodeLimits
from veravox.audio.recording import ContainerFacts
from veravox.errors import MediaTooLarge, NoAudioStream, UndecodableAudio

if TYPE_CHECKING:
    from typing_extensions import Buffer

DEMUXERS = {
    "wav": "wav",
    "mp3": "mp3",
    "flac": "flac",
    "ogg": "ogg",
    "aac": "aac",
    "mp4": "mov",
    "matroska": "matroska",
    "avi": "avi",
    "amr": "amr",
}
DECODERS = frozenset(
    (
        *("aac", "ac3", "alac", "amrnb", "amrwb", "eac3", "flac", "opus", "speex", "vorbis"),
        *("mp1", "mp1float", "mp2", "mp2float", "mp3", "mp3float"),
        *("adpcm_ima_qt", "adpcm_ima_wav", "adpcm_ms", "g722", "gsm", "gsm_ms"),
        *("pcm_alaw", "pcm_mulaw", "pcm_u8", "pcm_s8"),
        *("pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le"),
        *("pcm_s16be", "pcm_s24be", "pcm_s32be", "pcm_f32be", "pcm_f64be"),
    )
)
LARGEST_SAMPLE = 2.0**32
"""Float files scaled as 32-bit integers are audio; anything louder is not."""

_SAMPLE_TYPES: dict[str, np.dtype[Any]] = {
    "u8": np.dtype(np.uint8),
    "s16": np.dtype(np.int16),
    "s32": np.dtype(np.int32),
    "flt": np.dtype(np.float32),
    "dbl": np.dtype(np.float64),
}
_new_plane = cast("Callable[[AudioFrame, int], Buffer]", AudioPlane)
_FULL_SCALE = {"pcm_alaw": 32_256 / 32_768, "pcm_mulaw": 32_124 / 32_768}
_FULL_SCALE_8_BIT = 127 / 128
_FULL_SCALE_16_BIT = 32_767 / 32_768


@dataclass(frozen=True, slots=True)
class PcmBlock:
    """Decoded audio: float32 `samples` of shape (channels, n) at `sample_rate` Hz.

    `full_scale`: the largest value that the file's sample format can hold. `facts`: what the
    container says, the same for all blocks of a file.
    """

    samples: Samples
    sample_rate: int
    codec: str
    full_scale: float
    facts: ContainerFacts


class _Decoder(Protocol):
    def decode(self, packet: "Packet[AudioStream] | None") -> list[AudioFrame]: ...


def read_media(file: BinaryIO, container: str, limits: DecodeLimits) -> Iterator[PcmBlock]:
    """The audio of the best stream in `file`, in blocks of about a second.

    `container` is a format that `sniff` names. Damaged packets are skipped as long as most can be
    decoded. Raises UndecodableAudio, NoAudioStream or MediaTooLarge, at once or while iterating.
    """
    try:
        with _open(file, container) as media:
            stream = _audio_stream(media)
            codec = stream.codec_context.codec.canonical_name
            facts = container_facts(media, stream)
            for batch in _batches(_within(limits, _frames(media, stream))):
                yield _block(batch, codec, facts)
    except MemoryError as error:
        raise MediaTooLarge("Decoding the audio needs too much memory") from error


def _open(file: BinaryIO, container: str) -> InputContainer:
    demuxer = DEMUXERS[container]
    try:
        return av.open(
            file,
            "r",
            format=demuxer,
            options={
                "protocol_whitelist": "",
                "format_whitelist": av.ContainerFormat(demuxer, "r").name,
                "codec_whitelist": ",".join(sorted(DECODERS)),
                "max_streams": "64",
            },
            metadata_errors="replace",
            io_open=_refuse_to_open,
        )
    except MemoryError:
        raise
    except (FFmpegError, PermissionError) as error:
        raise UndecodableAudio(f"The {container} file is damaged and cannot be read") from error


def _refuse_to_open(*_: object) -> NoReturn:
    """Called by FFmpeg when a file refers to another one."""
    raise PermissionError("media may not refer to other files")


def _audio_stream(media: InputContainer) -> AudioStream:
    if not media.streams.audio:
        raise NoAudioStream("The file holds no audio stream")
    stream = cast(AudioStream | None, media.streams.best("audio")) or media.streams.audio[0]
    context = cast(av.AudioCodecContext | None, stream.codec_context)
    if context is None or context.codec.name not in DECODERS:
        raise UndecodableAudio("The file's audio codec is not supported")
    context.thread_count = 1
    for other in media.streams:
        if other.index != stream.index:
            other.discard = Discard.all
    return stream


def _frames(media: InputContainer, stream: AudioStream) -> Iterator[AudioFrame]:
    """Frames with samples; ends at damage in the container, which is how truncation looks."""
    decoder = cast(_Decoder, stream.codec_context)
    decoded = damaged = 0
    for packet in _packets(media, stream):
        try:
            frames = decoder.decode(packet)
        except MemoryError:
            raise
        except FFmpegError:
            damaged += 1
            continue
        for frame in frames:
            if frame.samples:
                decoded += 1
                yield frame
    if damaged >= decoded:
        raise UndecodableAudio("The file's audio is damaged and cannot be decoded")


def _packets(media: InputContainer, stream: AudioStream) -> Iterator["Packet[AudioStream] | None"]:
    """The stream's packets up to the end or the first unreadable one, then the flush."""
    packets = (packet for packet in media.demux(stream) if packet.size)
    try:
        yield from packets
    except MemoryError:
        raise
    except FFmpegError:
        pass
    yield None


def _within(limits: DecodeLimits, frames: Iterable[AudioFrame]) -> Iterator[AudioFrame]:
    """`frames`, as long as they respect the limits; damaged frames may claim anything."""
    seconds = 0.0
    for frame in frames:
        rate = frame.sample_rate
        if frame.layout.nb_channels > limits.max_channels:
            raise MediaTooLarge(f"The audio has more than {limits.max_channels} channels")
        if rate > limits.max_sample_rate:
            raise MediaTooLarge(f"The sample rate is above {limits.max_sample_rate} Hz")
        if rate < limits.min_sample_rate:
            raise UndecodableAudio(f"The sample rate is below {limits.min_sample_rate} Hz")
        seconds += frame.samples / rate
        if seconds > limits.max_seconds:
            raise MediaTooLarge(f"The audio is longer than {limits.max_seconds / 3600:g} hours")
        yield frame


def _batches(frames: Iterable[AudioFrame]) -> Iterator[list[AudioFrame]]:
    """Consecutive frames of one rate, layout and format, about a second of them: for speed."""
    for _, alike in groupby(frames, key=_kind):
        batch: list[AudioFrame] = []
        length = 0
        for frame in alike:
            batch.append(frame)
            length += frame.samples
            if length >= frame.sample_rate:
                yield batch
                batch, length = [], 0
        if batch:
            yield batch


def _kind(frame: AudioFrame) -> tuple[int, int, str]:
    return frame.sample_rate, frame.layout.nb_channels, frame.format.name


def _block(frames: list[AudioFrame], codec: str, facts: ContainerFacts) -> PcmBlock:
    values = np.concatenate([_values(frame) for frame in frames], axis=1)
    samples = _as_float(values)
    if not float(np.abs(samples).max()) <= LARGEST_SAMPLE:
        raise UndecodableAudio(
            "The audio contains samples that are not finite or far beyond full scale"
        )
    full_scale = _FULL_SCALE_8_BIT if values.dtype == np.uint8 else _FULL_SCALE_16_BIT
    full_scale = _FULL_SCALE.get(codec, full_scale)
    return PcmBlock(samples, frames[0].sample_rate, codec, full_scale, facts)


def _values(frame: AudioFrame) -> NDArray[Any]:
    """The frame's samples as they are, shape (channels, n).

    `AudioFrame.planes` is not used: it looks for a null pointer behind the last plane, and with
    eight or more planar channels there is none.
    """
    channels, name = frame.layout.nb_channels, frame.format.name
    dtype = _SAMPLE_TYPES.get(name.removesuffix("p"))
    if dtype is None:
        raise UndecodableAudio("The file's sample format is not supported")
    if frame.format.is_planar:
        rows = [np.frombuffer(_plane(frame, i), dtype, frame.samples) for i in range(channels)]
        return np.stack(rows)
    packed = np.frombuffer(_plane(frame, 0), dtype, frame.samples * channels)
    return packed.reshape(-1, channels).T


def _plane(frame: AudioFrame, index: int) -> memoryview:
    return memoryview(_new_plane(frame, index))


def _as_float(values: NDArray[Any]) -> Samples:
    """Integer or floating-point PCM as float32 with full scale at +-1."""
    if values.dtype == np.uint8:
        return (values.astype(np.float32) - 128.0) / 128.0
    if values.dtype == np.int16:
        return values.astype(np.float32) / 32_768.0
    if values.dtype == np.int32:
        return (values / 2.0**31).astype(np.float32)
    return values.astype(np.float32)
