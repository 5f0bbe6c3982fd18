"""Files that try to break a decoder, each with what may come of it.

Every entry of `HOSTILE` is either refused with one of its errors or, where it says so, decoded;
anything else (another exception, a crash, a hang, a gigabyte) is a defect.
"""

import functools
import struct
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tests.audio_factory import (
    ENCODINGS,
    Encoding,
    Sound,
    encode,
    encode_as,
    picture_only,
    speech,
    spoken_file,
)
from veravox.errors import (
    MediaTooLarge,
    MissingFile,
    NoAudioStream,
    UndecodableAudio,
    UnsupportedFormat,
    VeravoxError,
)

TRUNCATED = (
    *("wav-s16", "wav-rf64", "mp3", "aac", "flac", "ogg-opus", "ogg-vorbis", "m4a"),
    *("mp4-fragmented", "mov", "avi-mp3", "mkv-flac", "webm-opus", "amr-nb"),
)
_DAMAGED = (UndecodableAudio, NoAudioStream)


@dataclass(frozen=True)
class HostileFile:
    """`make` gives the bytes; `errors` are the acceptable refusals, `decodes` allows success.

    `filename` is what an uploader would call it; nothing may depend on it.
    """

    name: str
    make: Callable[[], bytes]
    errors: tuple[type[VeravoxError], ...] = ()
    decodes: bool = False
    filename: str = "upload.bin"

    def __str__(self) -> str:
        return self.name


def silent_flac(hours: float, sample_rate: int = 8_000) -> bytes:
    """A valid FLAC file of digital silence: some 14 bytes for 65535 samples (RFC 9639)."""
    block = 65_535
    frames = round(hours * 3600 * sample_rate / block)
    stream_info = struct.pack(">HH", block, block) + bytes(6)
    stream_info += ((sample_rate << 44) | (15 << 36) | (frames * block)).to_bytes(8) + bytes(16)
    header = b"fLaC" + bytes([0x80]) + len(stream_info).to_bytes(3) + stream_info
    return header + b"".join(_silent_frame(index, block) for index in range(frames))


def wav_header(
    channels: int = 1, sample_rate: int = 16_000, bits: int = 16, data: int = 0, tag: int = 1
) -> bytes:
    """A RIFF/WAVE header that states whatever it is told to state."""
    block = channels * bits // 8
    form = struct.pack("<HHIIHH", tag, channels, sample_rate, sample_rate * block, block, bits)
    chunks = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", data)
    return b"RIFF" + struct.pack("<I", min(len(chunks) + data, 0xFFFFFFFF)) + chunks


def adts_with_a_change() -> bytes:
    """AAC that switches from 16 kHz mono to 48 kHz stereo after two seconds."""
    return encode(speech(2.0), 16_000, "aac") + encode(speech(2.0, 48_000, 2), 48_000, "aac")


def id3(content: bytes, size: int = 64) -> bytes:
    """`content` behind an ID3v2 tag of `size` bytes of padding."""
    syncsafe = bytes((size >> shift) & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x04\x00\x00" + syncsafe + bytes(size) + content


def amr_wb(seconds: float = 1.0) -> bytes:
    """AMR-WB frames at 12.65 kbit/s (RFC 4867) with arbitrary speech bits."""
    bits = np.random.default_rng(1).bytes(32)
    return b"#!AMR-WB\n" + (bytes([0x14]) + bits) * round(seconds * 50)


def _crc(data: bytes, polynomial: int, width: int) -> int:
    crc, top, mask = 0, 1 << (width - 1), (1 << width) - 1
    for byte in data:
        crc ^= byte << (width - 8)
        for _ in range(8):
            crc = ((crc << 1) ^ (polynomial if crc & top else 0)) & mask
    return crc


def _silent_frame(index: int, block: int) -> bytes:
    number = chr(index).encode("utf-8", "surrogatepass")
    header = b"\xff\xf8\x70\x08" + number + (block - 1).to_bytes(2)
    frame = header + bytes([_crc(header, 0x07, 8)]) + b"\x00\x00\x00"
    return frame + _crc(frame, 0x8005, 16).to_bytes(2)


def _float_wav(value: float) -> bytes:
    sound: Sound = speech(4.0)
    sound[0, 20_000] = value
    data = sound.tobytes()
    return wav_header(bits=32, data=len(data), tag=3) + data


def _wma() -> bytes:
    encoding = Encoding("wma", "asf", "wmav2", "", "fltp", (16_000,), bit_rate=32_000)
    return encode_as(speech(3.0), 16_000, encoding)


def _film() -> bytes:
    return encode_as(speech(4.0, 48_000), 48_000, ENCODINGS["mp4"], picture=True)


def _scrambled(encoding: str, share: float) -> bytes:
    content = np.frombuffer(spoken_file(encoding), np.uint8).copy()
    generator = np.random.default_rng(7)
    places = generator.integers(64, content.size, round(share * content.size))
    content[places] = generator.integers(0, 256, places.size)
    return content.tobytes()


def _truncated(encoding: str, sixteenths: int) -> bytes:
    content = spoken_file(encoding, 3.0)
    return content[: len(content) * sixteenths // 16]


def _external_reference() -> bytes:
    own = b"url \x00\x00\x00\x01"
    content = spoken_file("mov")
    if content.count(own) != 1:
        raise ValueError("the file has no data reference to change")
    return content.replace(own, b"url \x00\x00\x00\x00")


def _refused(name: str, content: bytes, filename: str = "upload.wav") -> HostileFile:
    return HostileFile(name, lambda: content, (UnsupportedFormat,), filename=filename)


_PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"
_SDP = (
    b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    b"m=audio 5004 RTP/AVP 0\r\n"
)
_PDF = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n%%EOF\n"
_ZIP = b"PK\x03\x04\x14\x00\x00\x00\x00\x00" + bytes(100)
_CONCAT = b"ffconcat version 1.0\nfile '/etc/passwd'\n"

_OTHER_KINDS = [
    _refused("zero-filled", bytes(4096)),
    _refused("random", np.random.default_rng(3).bytes(65_536)),
    _refused("plain-text", b"Dear server, this is not a recording.\n" * 50),
    _refused("sdp", _SDP, "call.mp3"),
    _refused("m3u8", _PLAYLIST, "song.mp3"),
    _refused("m3u8-after-blank-lines", b"\xef\xbb\xbf\r\n \n" + _PLAYLIST),
    _refused("ffconcat", _CONCAT, "list.flac"),
    _refused("concat-without-header", b"file '/etc/passwd'\nduration 10\n"),
    _refused("pls", b"[playlist]\nFile1=http://127.0.0.1/\n"),
    _refused("webvtt", b"WEBVTT\n\n00:00.000 --> 00:05.000\nhello\n"),
    _refused("subrip", b"1\n00:00:00,000 --> 00:00:05,000\nhello\n"),
    _refused("ass", b"[Script Info]\nTitle: x\n"),
    _refused("dash", b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"/>'),
    _refused("html", b"<!DOCTYPE html><html></html>"),
    _refused("zip", _ZIP, "audio.zip"),
    _refused("pdf", _PDF, "audio.pdf"),
    _refused("png", b"\x89PNG\r\n\x1a\n" + bytes(64), "a.png"),
    _refused("jpeg", b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(64), "a.jpg"),
    _refused("gif", b"GIF89a" + bytes(64), "a.gif"),
    _refused("webp", b"RIFF\x40\x00\x00\x00WEBPVP8 " + bytes(64), "a.webp"),
    _refused("heic", b"\x00\x00\x00\x18ftypheic" + bytes(64), "a.heic"),
    _refused("midi", b"MThd\x00\x00\x00\x06\x00\x01\x00\x01\x00\x60" + bytes(64), "a.mid"),
    _refused("aiff", b"FORM\x00\x00\x00\x40AIFFCOMM" + bytes(64), "a.aiff"),
    HostileFile("wma", _wma, (UnsupportedFormat,), filename="a.wma"),
]
_POLYGLOTS = [
    HostileFile("pdf-then-mp3", lambda: _PDF + spoken_file("mp3"), (UnsupportedFormat,)),
    HostileFile("zip-then-wav", lambda: _ZIP + spoken_file(), (UnsupportedFormat,)),
    HostileFile("concat-then-mp3", lambda: _CONCAT + spoken_file("mp3"), (UnsupportedFormat,)),
    HostileFile("gif-then-flac", lambda: b"GIF89a" + spoken_file("flac"), (UnsupportedFormat,)),
    HostileFile("wav-then-zip", lambda: spoken_file() + _ZIP, decodes=True),
    HostileFile("id3-then-playlist", lambda: id3(_PLAYLIST), (UndecodableAudio,)),
    HostileFile("id3-then-sdp", lambda: id3(_SDP * 40), (UndecodableAudio,)),
    HostileFile("riff-then-playlist", lambda: wav_header() + _PLAYLIST, _DAMAGED, decodes=True),
    HostileFile("external-reference", _external_reference, _DAMAGED, decodes=True),
]
_BROKEN = [
    HostileFile("empty", bytes, (MissingFile,), filename="empty.wav"),
    HostileFile("nan", lambda: _float_wav(float("nan")), (UndecodableAudio,)),
    HostileFile("infinity", lambda: _float_wav(float("inf")), (UndecodableAudio,)),
    HostileFile("absurdly-loud", lambda: _float_wav(1e30), (UndecodableAudio,)),
    HostileFile("no-samples", wav_header, (UndecodableAudio,)),
    HostileFile("one-sample", lambda: wav_header(data=2) + b"\x01\x00", decodes=True),
    HostileFile("no-channels", lambda: wav_header(0, data=64) + bytes(64), _DAMAGED),
    HostileFile("no-rate", lambda: wav_header(1, 0, data=64) + bytes(64), _DAMAGED),
    HostileFile("low-rate", lambda: encode(speech(4.0, 4_000), 4_000), (UndecodableAudio,)),
    HostileFile("high-rate", lambda: encode(speech(4.0, 384_000), 384_000), (MediaTooLarge,)),
    HostileFile(
        "many-channels", lambda: wav_header(64, data=12_800) + bytes(12_800), (MediaTooLarge,)
    ),
    HostileFile("lying-length", lambda: wav_header(data=0xFFFFFFFF) + bytes(64_000), decodes=True),
    HostileFile("picture-only-mp4", picture_only, (NoAudioStream,), filename="film.mp4"),
    HostileFile(
        "picture-only-mkv", lambda: picture_only("matroska"), (NoAudioStream,), filename="film.mkv"
    ),
    HostileFile("ebml-bomb", lambda: b"\x1a\x45\xdf\xa3\x01" + b"\xff" * 8_000, _DAMAGED),
    HostileFile("atom-nest", lambda: b"\x00\x00\xff\xffmoov" * 8_000, _DAMAGED),
]
_UNUSUAL = [
    HostileFile("six-hours-of-silence", functools.partial(silent_flac, 6.0), decodes=True),
    HostileFile("192-khz", lambda: spoken_file(sample_rate=192_000), decodes=True),
    HostileFile("film", _film, decodes=True, filename="film.wav"),
    HostileFile(
        "opus-called-wav", lambda: spoken_file("webm-opus"), decodes=True, filename="recording.wav"
    ),
    HostileFile("changing-aac", adts_with_a_change, decodes=True),
    HostileFile("id3-then-aac", lambda: id3(spoken_file("aac")), decodes=True),
    HostileFile("long-id3-then-flac", lambda: id3(spoken_file("flac"), 300_000), decodes=True),
    HostileFile("amr-wb", amr_wb, decodes=True),
]
_TRUNCATED = [
    HostileFile(
        f"{encoding}-{sixteenths}-of-16",
        functools.partial(_truncated, encoding, sixteenths),
        _DAMAGED,
        decodes=True,
        filename=f"cut.{ENCODINGS[encoding].suffix}",
    )
    for encoding in TRUNCATED
    for sixteenths in range(1, 16)
]
_SCRAMBLED = [
    HostileFile(
        f"{encoding}-{share:.1%}-scrambled",
        functools.partial(_scrambled, encoding, share),
        (*_DAMAGED, MediaTooLarge),
        decodes=True,
    )
    for encoding in TRUNCATED
    for share in (0.001, 0.01, 0.1)
]

HOSTILE: list[HostileFile] = [
    *_OTHER_KINDS,
    *_POLYGLOTS,
    *_BROKEN,
    *_UNUSUAL,
    *_TRUNCATED,
    *_SCRAMBLED,
]
