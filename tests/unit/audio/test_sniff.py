import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.audio_factory import ENCODINGS, spoken_file
from tests.hostile import amr_wb, id3
from veravox.audio.sniff import HEAD_BYTES, SUPPORTED, id3_size, sniff, sniff_tagged
from veravox.errors import UnsupportedFormat


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_supported_file_is_known_by_its_first_bytes(encoding: str) -> None:
    assert sniff(spoken_file(encoding, 1.0)[:HEAD_BYTES]) == ENCODINGS[encoding].format


def test_wide_band_amr_is_amr() -> None:
    assert sniff(amr_wb()) == "amr"


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"RIFX\x00\x00\x00\x24WAVEfmt ", "wav"),
        (b"BW64\xff\xff\xff\xffWAVEds64", "wav"),
        (b"\x00\x00\x00\x14ftypqt  \x00\x00\x02\x00qt  ", "mp4"),
        (b"\x00\x00\x00\x08wide\x00\x01\x00\x00mdat", "mp4"),
    ],
)
def test_less_common_beginnings_of_supported_formats_are_known(head: bytes, expected: str) -> None:
    assert sniff(head) == expected


@pytest.mark.parametrize("encoding", ["mp3-without-id3", "aac", "flac"])
def test_an_id3_tag_hides_nothing(encoding: str) -> None:
    content = spoken_file(encoding, 1.0)
    assert sniff(id3(content)[:HEAD_BYTES]) == ENCODINGS[encoding].format
    assert sniff(id3(id3(content))[:HEAD_BYTES]) == ENCODINGS[encoding].format
    assert sniff_tagged(content[:HEAD_BYTES]) == ENCODINGS[encoding].format


def test_a_tag_longer_than_the_head_is_measured_and_taken_for_that_of_an_mp3() -> None:
    head = id3(b"", 1_000_000)[:HEAD_BYTES]
    assert id3_size(head) == 1_000_010
    assert sniff(head) == "mp3"


def test_zero_padding_before_mpeg_frames_is_skipped() -> None:
    assert sniff(bytes(417) + spoken_file("mp3-without-id3", 1.0)[:4_000]) == "mp3"


def test_a_single_frame_header_in_other_bytes_is_not_an_mp3() -> None:
    with pytest.raises(UnsupportedFormat):
        sniff(b"\xff\xfb\x90\x00" + b"\x01" * 1_000)


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"%PDF-1.4\n", "PDF"),
        (b"PK\x03\x04" + bytes(30), "ZIP"),
        (b"MThd\x00\x00\x00\x06", "MIDI"),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9", "WMA/ASF"),
        (b"\x89PNG\r\n\x1a\n", "PNG image"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "WebP image"),
        (b"\x00\x00\x00\x1cftypavif", "HEIF image"),
        (b"  \n#EXTM3U\n", "M3U playlist"),
        (b"FFCONCAT version 1.0\n", "concat script"),
        (b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n", "SDP session description"),
        (b"G" + bytes(187) + b"G" + bytes(187) + b"G", "MPEG transport stream"),
        ("žluťoučký kůň".encode("utf-16"), "text"),
    ],
)
def test_a_refusal_names_the_format_it_recognised(head: bytes, name: str) -> None:
    with pytest.raises(UnsupportedFormat) as refusal:
        sniff(head)
    assert refusal.value.recognised == name
    assert name in refusal.value.message


@pytest.mark.parametrize("head", [b"", b"\x00" * 64, b"RIFF", b"\xde\xad\xbe\xef" * 16])
def test_what_is_nothing_known_has_no_name(head: bytes) -> None:
    with pytest.raises(UnsupportedFormat) as refusal:
        sniff(head)
    assert refusal.value.recognised is None


@given(st.binary(max_size=600))
def test_any_bytes_are_a_supported_format_or_refused(head: bytes) -> None:
    with contextlib.suppress(UnsupportedFormat):
        assert sniff(head) in SUPPORTED


@given(st.text(alphabet=st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=9))
def test_text_is_never_media(text: str) -> None:
    with pytest.raises(UnsupportedFormat):
        sniff(("line\n" + text).encode())
