"""What a file is, from its first bytes alone: names and declared types are never asked.

The first signature that matches decides, so a file that is two things at once is what its first
bytes say. Text is never media here: playlists, session descriptions and subtitle scripts can make
a demuxer open other files or sockets. Signatures follow the registries and specifications of the
formats (RFC 3533, 3629, 4867, 8794, 9559; ISO/IEC 11172-3, 13818-7, 14496-12; EBU Tech 3306).
"""

from collections.abc import Callable

from veravox.errors import UnsupportedFormat

HEAD_BYTES = 8192
"""How much of a file's beginning `sniff` wants to see."""

SUPPORTED = ("wav", "mp3", "flac", "ogg", "aac", "mp4", "matroska", "avi", "amr")

_RIFF_FORMS = {b"WAVE": "wav", b"AVI ": "avi"}
_OTHER_RIFF_FORMS = {b"WEBP": "WebP image", b"RMID": "MIDI", b"ACON": "animated cursor"}
_OTHER_SIGNATURES = (
    (b"%PDF", "PDF"),
    (b"PK\x03\x04", "ZIP"),
    (b"PK\x05\x06", "ZIP"),
    (b"PK\x07\x08", "ZIP"),
    (b"Rar!\x1a\x07", "RAR"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "Zstandard"),
    (b"\x89PNG\r\n\x1a\n", "PNG image"),
    (b"\xff\xd8\xff", "JPEG image"),
    (b"GIF8", "GIF image"),
    (b"BM", "BMP image"),
    (b"II*\x00", "TIFF image"),
    (b"MM\x00*", "TIFF image"),
    (b"8BPS", "Photoshop image"),
    (b"MThd", "MIDI"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "WMA/ASF"),
    (b".RMF", "RealMedia"),
    (b"FORM", "AIFF"),
    (b"caff", "CAF"),
    (b".snd", "AU"),
    (b"riff\x2e\x91\xcf\x11", "Wave64"),
    (b"wvpk", "WavPack"),
    (b"MAC ", "Monkey's Audio"),
    (b"DSD ", "DSF"),
    (b"TTA1", "True Audio"),
    (b"ADIF", "AAC ADIF"),
    (b"FLV\x01", "Flash video"),
    (b"\x00\x00\x01\xba", "MPEG program stream"),
    (b"\x7fELF", "ELF program"),
    (b"MZ", "Windows program"),
)
_TEXT_SIGNATURES = (
    (b"ffconcat", "concat script"),
    (b"#extm3u", "M3U playlist"),
    (b"v=0", "SDP session description"),
    (b"[playlist]", "PLS playlist"),
    (b"webvtt", "WebVTT subtitles"),
    (b"[script info]", "ASS subtitles"),
    (b"{\\rtf", "RTF document"),
    (b"<!doctype html", "HTML"),
    (b"<html", "HTML"),
    (b"<svg", "SVG image"),
    (b"<mpd", "DASH manifest"),
    (b"<smil", "SMIL playlist"),
    (b"<?xml", "XML"),
)
_IMAGE_BRANDS = (b"heic", b"heix", b"heim", b"hevc", b"mif1", b"msf1", b"avif", b"avis")
_QUICKTIME_ATOMS = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")

_MPEG_BITRATES = {
    (1, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MPEG_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


def sniff(head: bytes) -> str:
    """The supported format (one of `SUPPORTED`) that a file beginning with `head` has.

    `head`: the first `HEAD_BYTES` bytes, fewer only if the file is shorter. Raises
    UnsupportedFormat for everything else, naming the format where it is known.
    """
    tag = id3_size(head)
    if tag:
        return sniff_tagged(head[tag:])
    supported = _container(head) or _elementary_stream(head)
    if supported:
        return supported
    other = _other_format(head)
    if other:
        raise UnsupportedFormat(f"{other} files are not supported", recognised=other)
    raise UnsupportedFormat("The file's format was not recognised")


def id3_size(head: bytes) -> int:
    """Bytes taken by an ID3v2 tag at the start of `head`, 0 without one; may exceed `head`."""
    if len(head) < 10 or head[:3] != b"ID3" or any(byte & 0x80 for byte in head[6:10]):
        return 0
    size = (head[6] << 21) | (head[7] << 14) | (head[8] << 7) | head[9]
    footer = 10 if head[5] & 0x10 else 0
    return 10 + size + footer


def sniff_tagged(rest: bytes) -> str:
    """The format of a file whose ID3v2 tag is followed by `rest`: AAC, FLAC or else MP3."""
    tag = id3_size(rest)
    if tag:
        return sniff_tagged(rest[tag:])
    if rest[:4] == b"fLaC":
        return "flac"
    return _elementary_stream(rest) or "mp3"


def _container(head: bytes) -> str | None:
    if head[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64"):
        return _RIFF_FORMS.get(head[8:12])
    if head[:4] == b"fLaC":
        return "flac"
    if head[:4] == b"OggS":
        return "ogg"
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "matroska"
    if head.startswith((b"#!AMR\n", b"#!AMR-WB\n")):
        return "amr"
    if head[4:8] == b"ftyp":
        return None if head[8:12] in _IMAGE_BRANDS else "mp4"
    if head[4:8] in _QUICKTIME_ATOMS:
        return "mp4"
    return None


def _elementary_stream(head: bytes) -> str | None:
    """MPEG audio or ADTS, possibly after zero padding, if its frames follow one another."""
    stream = head.lstrip(b"\x00")
    if _frames_follow(stream, _adts_frame_bytes):
        return "aac"
    if _frames_follow(stream, _mpeg_frame_bytes):
        return "mp3"
    return None


def _frames_follow(stream: bytes, frame_bytes: Callable[[bytes], int]) -> bool:
    """Whether a frame begins `stream` and another one follows it, as far as can be seen."""
    size = frame_bytes(stream)
    following = stream[size : size + 6]
    return size > 0 and (len(following) < 6 or frame_bytes(following) > 0)


def _adts_frame_bytes(header: bytes) -> int:
    """Length of the ADTS frame that starts here, 0 if none does (ISO/IEC 13818-7, 6.2)."""
    if len(header) < 6 or header[0] != 0xFF or header[1] & 0xF6 != 0xF0:
        return 0
    sampling_index = (header[2] >> 2) & 0x0F
    size = ((header[3] & 0x03) << 11) | (header[4] << 3) | (header[5] >> 5)
    return size if sampling_index < 13 and size >= 7 else 0


def _mpeg_frame_bytes(header: bytes) -> int:
    """Length of the MPEG audio frame that starts here, 0 if none does (ISO/IEC 11172-3, 2.4)."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return 0
    version, layer = (header[1] >> 3) & 0x03, 4 - ((header[1] >> 1) & 0x03)
    bitrate_index, rate_index = header[2] >> 4, (header[2] >> 2) & 0x03
    padding = (header[2] >> 1) & 0x01
    if version not in _MPEG_RATES or layer == 4 or not 1 <= bitrate_index <= 14 or rate_index == 3:
        return 0
    bitrate = 1000 * _MPEG_BITRATES[1 if version == 3 else 2, layer][bitrate_index - 1]
    rate = _MPEG_RATES[version][rate_index]
    if layer == 1:
        return (12 * bitrate // rate + padding) * 4
    slots = 72 if layer == 3 and version != 3 else 144
    return slots * bitrate // rate + padding


def _other_format(head: bytes) -> str | None:
    """The name of a known format that is not supported."""
    if head[:4] == b"RIFF":
        return _OTHER_RIFF_FORMS.get(head[8:12])
    if head[4:8] == b"ftyp":
        return "HEIF image"
    for signature, name in _OTHER_SIGNATURES:
        if head.startswith(signature):
            return name
    if head[:1] == b"G" and head[188:189] == b"G" and head[376:377] in (b"G", b""):
        return "MPEG transport stream"
    return _text_format(head)


def _text_format(head: bytes) -> str | None:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for signature, name in _TEXT_SIGNATURES:
        if start.startswith(signature):
            return name
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "text"
    try:
        text = head.decode("ascii")
    except UnicodeDecodeError:
        return None
    return "text" if text and all(c.isprintable() or c.isspace() for c in text) else None
