import io
import tempfile
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from tests.audio_factory import ENCODINGS, SPOKEN_RATE, encode, noise, silence, speech, spoken_file
from tests.hostile import adts_with_a_change, amr_wb
from veravox.audio.canonical import SAMPLE_RATE, Samples, canonicalise
from veravox.audio.decode import DecodeLimits, DecoderPool
from veravox.audio.recording import MediaInfo
from veravox.errors import MediaTooLarge, MissingFile, UndecodableAudio

EVERY_RATE = [(name, rate) for name, encoding in ENCODINGS.items() for rate in encoding.rates]
WAV_HEADER_BYTES = 78
CODECS = {
    "wav-u8": "pcm_u8",
    "mp3": "mp3",
    "aac": "aac",
    "flac": "flac",
    "ogg-vorbis": "vorbis",
    "webm-opus": "opus",
    "m4a-alac": "alac",
    "amr-nb": "amr_nb",
}


def _decoded(decoders: DecoderPool, content: bytes) -> Samples:
    with decoders.open(io.BytesIO(content)) as media:
        return np.concatenate(list(media))


def _likeness(decoded: Samples, original: Samples) -> float:
    """The largest normalised cross-correlation over all delays, 0..1."""
    size = 1 << (decoded.size + original.size).bit_length()
    product = np.fft.rfft(decoded, size) * np.conj(np.fft.rfft(original, size))
    peak = np.fft.irfft(product).max()
    return float(peak / np.linalg.norm(decoded) / np.linalg.norm(original))


@pytest.mark.parametrize(("name", "rate"), EVERY_RATE)
def test_every_encoding_gives_back_the_same_speech(
    decoders: DecoderPool, name: str, rate: int
) -> None:
    encoding = ENCODINGS[name]
    sound = speech(2.0, rate, encoding.channels[-1])
    original = canonicalise(sound, rate)
    decoded = _decoded(decoders, encode(sound, rate, name))
    if encoding.lossless:
        assert decoded.size == original.size
        np.testing.assert_allclose(decoded, original, atol=2e-4)
    else:
        assert decoded.size == pytest.approx(original.size, abs=0.25 * SAMPLE_RATE)
        assert _likeness(decoded, original) > (0.8 if name == "amr-nb" else 0.96)


@pytest.mark.parametrize("name", ["wav-s16", "wav-f32", "flac", "ogg-opus", "m4a", "mkv-flac"])
@pytest.mark.parametrize("channels", [6, 8])
def test_surround_sound_is_mixed_down(decoders: DecoderPool, name: str, channels: int) -> None:
    sound = speech(2.0, 48_000, channels)
    with decoders.open(io.BytesIO(encode(sound, 48_000, name))) as media:
        decoded = np.concatenate(list(media))
    assert media.info.channels == channels
    assert _likeness(decoded, canonicalise(sound, 48_000)) > 0.9


def test_24_bits_are_more_than_16(decoders: DecoderPool) -> None:
    faint = noise(1.0, rms=2e-5)
    original = canonicalise(faint, SPOKEN_RATE)
    assert _likeness(_decoded(decoders, encode(faint, SPOKEN_RATE, "flac-24")), original) > 0.999
    assert _likeness(_decoded(decoders, encode(faint, SPOKEN_RATE, "flac")), original) < 0.99


@pytest.mark.parametrize("name", CODECS)
def test_the_container_and_the_decoded_stream_are_described(
    decoders: DecoderPool, name: str
) -> None:
    encoding = ENCODINGS[name]
    rate, channels = encoding.rates[-1], encoding.channels[-1]
    content = encode(speech(1.0, rate, channels), rate, name)
    with decoders.open(io.BytesIO(content)) as media:
        info = media.info
    assert replace(info, facts=None) == MediaInfo(encoding.format, CODECS[name], rate, channels)
    assert info.facts is not None
    assert info.facts.streams[0].startswith("audio: ")
    assert info.facts.seconds == pytest.approx(1.0, abs=0.25)


def test_tags_are_told_on_one_line_and_cut(decoders: DecoderPool) -> None:
    title = "a\nb\x1b[31m" + "x" * 999
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as media:
        media.metadata["title"] = title
        _write_second(media)
    with decoders.open(file) as media:
        facts = media.info.facts
    assert facts is not None
    value = dict(facts.tags)["title"]
    assert value.isprintable()
    assert len(value) == 200


def test_wide_band_amr_is_decoded(decoders: DecoderPool) -> None:
    with decoders.open(io.BytesIO(amr_wb(2.0))) as media:
        assert sum(block.size for block in media) == 2 * SAMPLE_RATE
    assert media.info.codec == "amr_wb"


def test_a_change_of_rate_and_channels_in_the_middle_is_followed(decoders: DecoderPool) -> None:
    decoded = _decoded(decoders, adts_with_a_change())
    first, second = decoded[: 2 * SAMPLE_RATE], decoded[-2 * SAMPLE_RATE :]
    voice = canonicalise(speech(2.0), SPOKEN_RATE)
    assert _likeness(first, voice) > 0.9
    assert _likeness(second, voice) > 0.9


def test_clipping_is_measured_before_resampling(decoders: DecoderPool) -> None:
    overdriven = np.clip(speech(3.0, 48_000) * 20.0, -1.0, 1.0)
    for sound, expected in ((overdriven, True), (speech(3.0, 48_000), False)):
        with decoders.open(io.BytesIO(encode(sound, 48_000))) as media:
            list(media)
        assert (media.clipping_ratio > 0.1) is expected
        assert 0.0 <= media.clipping_ratio <= 1.0


@pytest.mark.parametrize("name", ["wav-u8", "wav-alaw", "wav-mulaw", "wav-f32", "flac-24"])
def test_clipping_is_seen_in_every_sample_format(decoders: DecoderPool, name: str) -> None:
    square = np.sign(np.sin(np.arange(16_000) / 20.0)).astype(np.float32)[np.newaxis]
    with decoders.open(io.BytesIO(encode(square, SPOKEN_RATE, name))) as media:
        list(media)
    assert media.clipping_ratio > 0.95


def test_clipping_is_unknown_before_the_end(decoders: DecoderPool) -> None:
    with decoders.open(io.BytesIO(spoken_file())) as media:
        with pytest.raises(RuntimeError, match="not been decoded to its end"):
            _ = media.clipping_ratio
        list(media)
        assert media.clipping_ratio == 0.0


def test_an_opened_file_is_read_without_moving_its_position(
    decoders: DecoderPool, tmp_path: Path
) -> None:
    path = tmp_path / "voice.dat"
    path.write_bytes(spoken_file("mp3"))
    with path.open("rb") as file:
        file.seek(100)
        with decoders.open(file) as media:
            assert sum(block.size for block in media) == 4 * SAMPLE_RATE
        assert file.tell() == 100


def test_what_was_written_but_not_flushed_is_decoded(decoders: DecoderPool) -> None:
    with tempfile.TemporaryFile() as file:
        file.write(spoken_file()[:2_000])
        with decoders.open(file) as media:
            assert sum(block.size for block in media) == (2_000 - WAV_HEADER_BYTES) // 2


@pytest.mark.parametrize("memory", [1_000, 10_000_000])
def test_a_spooled_upload_is_decoded_wherever_it_lies(decoders: DecoderPool, memory: int) -> None:
    with tempfile.SpooledTemporaryFile(max_size=memory) as file:
        file.write(spoken_file("ogg-opus"))
        with decoders.open(file) as media:  # pyright: ignore[reportArgumentType]
            assert sum(block.size for block in media) == 4 * SAMPLE_RATE


def test_a_stream_that_cannot_seek_is_decoded(decoders: DecoderPool) -> None:
    class Unseekable(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, offset: int, whence: int = 0) -> int:
            raise io.UnsupportedOperation

    with decoders.open(Unseekable(spoken_file())) as media:
        assert sum(block.size for block in media) == 4 * SAMPLE_RATE


def test_a_file_without_bytes_is_missing(decoders: DecoderPool) -> None:
    with pytest.raises(MissingFile), decoders.open(io.BytesIO()):
        pass
    with (
        tempfile.TemporaryFile() as file,
        pytest.raises(MissingFile),
        decoders.open(file),
    ):
        pass


def _refused(limits: DecodeLimits, content: bytes) -> None:
    with DecoderPool(1, limits) as pool, pool.open(io.BytesIO(content)) as media:
        list(media)


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (DecodeLimits(max_seconds=3.0), "longer than"),
        (DecodeLimits(max_channels=1), "more than 1 channels"),
        (DecodeLimits(max_sample_rate=44_100), "above 44100 Hz"),
    ],
)
def test_decoded_audio_beyond_a_limit_is_too_large(limits: DecodeLimits, reason: str) -> None:
    with pytest.raises(MediaTooLarge, match=reason):
        _refused(limits, encode(speech(4.0, 48_000, 2), 48_000, "flac"))


def test_audio_below_the_lowest_rate_cannot_be_analysed() -> None:
    with pytest.raises(UndecodableAudio, match="below 16000 Hz"):
        _refused(DecodeLimits(min_sample_rate=16_000), spoken_file("amr-nb"))


def test_silence_is_decoded_to_silence(decoders: DecoderPool) -> None:
    assert not _decoded(decoders, encode(silence(2.0), SPOKEN_RATE)).any()


def _write_second(media: av.container.OutputContainer) -> None:
    stream = media.add_stream("flac", rate=SPOKEN_RATE, layout="mono")
    samples = (speech(1.0) * 32_767).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
    frame.sample_rate = SPOKEN_RATE
    frame.pts = 0
    media.mux(stream.encode(frame))
    media.mux(stream.encode(None))
