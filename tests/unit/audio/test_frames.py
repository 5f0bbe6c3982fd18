import io

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.audio_factory import SPOKEN_RATE, encode, speech
from tests.stream_factory import FFMPEG_CODECS, packets
from veravox.audio.frames import AudioFrame, Codec, FrameDecoder
from veravox.errors import InvalidRequest, UndecodableAudio


def ffmpeg_decodes(codec: Codec, payload: bytes, channels: int) -> np.ndarray:
    """float32 (channels, n) by FFmpeg's own decoder."""
    decoder = av.AudioCodecContext.create(FFMPEG_CODECS[codec], "r")
    decoder.sample_rate = SPOKEN_RATE
    decoder.layout = {1: "mono", 2: "stereo"}[channels]
    (frame,) = decoder.decode(av.Packet(payload))
    values = frame.to_ndarray().reshape(-1, channels).T
    scale = {"int16": 2.0**15, "int32": 2.0**31}.get(str(values.dtype), 1.0)
    return (values / scale).astype(np.float32)


@pytest.mark.parametrize("codec", FFMPEG_CODECS)
@pytest.mark.parametrize("channels", [1, 2])
def test_pcm_and_g711_are_decoded_to_the_values_that_ffmpeg_gives(codec: Codec, channels: int):
    sound = speech(1.0, channels=channels) * np.float32(2.0)
    (payload,) = packets(sound, SPOKEN_RATE, codec)

    decoded = FrameDecoder().decode(AudioFrame(codec, SPOKEN_RATE, channels, payload))

    np.testing.assert_array_equal(decoded.samples, ffmpeg_decodes(codec, payload, channels))


@pytest.mark.parametrize("codec", [Codec.PCMU, Codec.PCMA])
def test_every_g711_code_is_known(codec: Codec):
    payload = bytes(range(256))

    decoded = FrameDecoder().decode(AudioFrame(codec, 8_000, 1, payload))

    np.testing.assert_array_equal(decoded.samples, ffmpeg_decodes(codec, payload, 1))
    assert np.abs(decoded.samples).max() == np.float32(decoded.full_scale)


def test_opus_packets_give_what_an_ogg_file_of_them_gives():
    file = encode(speech(1.0, 48_000), 48_000, "ogg-opus")
    with av.open(io.BytesIO(file)) as media:
        whole = np.concatenate([f.to_ndarray() for f in media.decode(audio=0)], axis=1)
    with av.open(io.BytesIO(file)) as media:
        sent = [bytes(packet) for packet in media.demux(audio=0) if packet.size]
    decoder = FrameDecoder()

    parts = [decoder.decode(AudioFrame(Codec.OPUS, 48_000, 1, p)).samples for p in sent]

    pre_skip = 312
    streamed = np.concatenate(parts, axis=1)[:, pre_skip : pre_skip + whole.shape[1]]
    np.testing.assert_array_equal(streamed, whole[:, : streamed.shape[1]])


def test_a_lost_opus_packet_leaves_a_gap_of_its_length():
    sent = packets(speech(0.2, 48_000), 48_000, Codec.OPUS)
    decoder = FrameDecoder()

    lengths = [
        decoder.decode(AudioFrame(Codec.OPUS, 48_000, 1, packet)).samples.shape[1]
        for packet in (sent[0], b"", b"\xff", sent[3])
    ]

    assert lengths == [960] * 4


LONGEST_PACKET = 0.121
SENT = {channels: packets(speech(0.4, 48_000, channels), 48_000, Codec.OPUS) for channels in (1, 2)}


@st.composite
def hostile_packets(draw: st.DrawFn) -> list[bytes]:
    """Packets of all kinds: true ones, true ones with damage, lengthened or cut ones, and noise."""

    def damaged(packet: bytes, mask: bytes, first: int, end: int) -> bytes:
        flipped = bytearray(packet)
        for place, bits in enumerate(mask, start=first % len(packet)):
            if place < len(flipped):
                flipped[place] ^= bits
        return bytes(flipped[:end]) + mask[: max(0, end - len(flipped))]

    true = st.sampled_from(SENT[1] + SENT[2])
    anything = st.binary(max_size=1_500)
    length = st.integers(1, 1_500)
    return draw(
        st.lists(
            st.one_of(true, anything, st.builds(damaged, true, anything, length, length)),
            max_size=80,
        )
    )


@settings(max_examples=150)
@given(sent=hostile_packets(), channels=st.sampled_from((1, 2)))
def test_whatever_opus_packets_hold_they_give_audio_of_a_limited_length_or_are_refused(
    sent: list[bytes], channels: int
):
    decoder = FrameDecoder()
    for packet in sent:
        try:
            decoded = decoder.decode(AudioFrame(Codec.OPUS, 48_000, channels, packet))
        except UndecodableAudio:
            decoder = FrameDecoder()
            continue
        assert decoded.samples.shape[0] == channels
        assert decoded.samples.shape[1] <= LONGEST_PACKET * decoded.sample_rate
        assert np.isfinite(decoded.samples).all()


def test_opus_that_is_nothing_but_damage_is_refused():
    decoder = FrameDecoder()
    damaged = AudioFrame(Codec.OPUS, 48_000, 1, b"\xff")
    for _ in range(50):
        decoder.decode(damaged)
    with pytest.raises(UndecodableAudio):
        decoder.decode(damaged)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])
def test_floats_that_are_no_audio_are_refused(value: float):
    payload = np.array([0.1, value], "<f4").tobytes()
    with pytest.raises(UndecodableAudio):
        FrameDecoder().decode(AudioFrame(Codec.F32LE, 16_000, 1, payload))


@pytest.mark.parametrize(
    ("codec", "rate", "channels", "payload"),
    [
        (Codec.PCMU, 0, 1, b""),
        (Codec.PCMU, 7_999, 1, b""),
        (Codec.PCMU, 400_000, 1, b""),
        (Codec.PCMU, 8_000, 0, b""),
        (Codec.PCMU, 8_000, 33, b""),
        (Codec.OPUS, 48_000, 3, b""),
        (Codec.S16LE, 8_000, 1, b"123"),
        (Codec.S24LE, 8_000, 2, b"12345"),
        (Codec.PCMA, 8_000, 2, b"123"),
    ],
)
def test_a_frame_that_cannot_be_is_refused(codec: Codec, rate: int, channels: int, payload: bytes):
    with pytest.raises(InvalidRequest):
        AudioFrame(codec, rate, channels, payload)


@settings(max_examples=60)
@given(
    codec=st.sampled_from(Codec),
    rate=st.sampled_from((8_000, 16_000, 48_000)),
    channels=st.integers(1, 2),
    payloads=st.lists(st.binary(max_size=400), max_size=5),
)
def test_any_bytes_are_audio_or_refused(
    codec: Codec, rate: int, channels: int, payloads: list[bytes]
):
    decoder = FrameDecoder()
    for payload in payloads:
        try:
            decoded = decoder.decode(AudioFrame(codec, rate, channels, payload))
        except (InvalidRequest, UndecodableAudio):
            continue
        assert decoded.samples.shape[0] == channels
        assert decoded.samples.dtype == np.float32
        assert np.isfinite(decoded.samples).all()
