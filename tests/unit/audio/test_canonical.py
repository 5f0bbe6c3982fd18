import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.audio_factory import noise, speech, tone
from veravox.audio.canonical import (
    SAMPLE_RATE,
    CanonicalFeed,
    CanonicalStream,
    canonicalise,
    level,
)


@settings(max_examples=40)
@given(
    rate=st.sampled_from((8_000, 11_025, 16_000, 44_100, 192_000)),
    channels=st.integers(1, 3),
    cuts=st.lists(st.integers(0, 8_000), max_size=8),
)
def test_audio_in_blocks_of_any_size_gives_to_the_last_bit_what_it_gives_at_once(
    rate: int, channels: int, cuts: list[int]
) -> None:
    sound = np.repeat(noise(8_000 / rate, rate), channels, axis=0)
    stream = CanonicalStream(rate)
    parts = [stream.push(part) for part in np.split(sound, sorted(cuts), axis=1)]
    parts.append(stream.push(np.zeros(0, np.float32), last=True))
    np.testing.assert_array_equal(np.concatenate(parts), canonicalise(sound, rate))


def test_a_change_of_rate_ends_one_stream_and_begins_another() -> None:
    telephone, wide = speech(1.0, 8_000), speech(1.0)
    feed = CanonicalFeed()
    parts = [feed.push(telephone, 8_000), feed.push(wide, 16_000), feed.finish()]
    whole = np.concatenate((canonicalise(telephone, 8_000), canonicalise(wide, 16_000)))
    np.testing.assert_array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000, 192_000])
def test_a_second_stays_a_second_at_every_rate(rate: int) -> None:
    assert canonicalise(tone(1.0, 440.0, rate), rate).size == SAMPLE_RATE


def test_channels_are_mixed_by_their_mean() -> None:
    voice = speech(1.0)[0]
    stereo = np.stack((voice, np.zeros_like(voice)))
    np.testing.assert_allclose(
        canonicalise(stereo, SAMPLE_RATE), canonicalise(voice / 2, SAMPLE_RATE), atol=1e-7
    )


def test_nothing_above_the_new_nyquist_frequency_is_folded_back() -> None:
    high = canonicalise(tone(1.0, 9_000.0, 48_000), 48_000)
    assert np.abs(high[1_600:-1_600]).max() < 1e-5


def test_a_constant_offset_is_removed() -> None:
    offset = canonicalise(np.full((1, 2 * SAMPLE_RATE), 0.3, np.float32), SAMPLE_RATE)
    assert np.abs(offset[SAMPLE_RATE:]).max() < 1e-4


def test_levelled_audio_has_the_same_rms_however_loud_it_was() -> None:
    voice = canonicalise(speech(2.0), SAMPLE_RATE)
    np.testing.assert_allclose(level(voice * np.float32(0.01)), level(voice), rtol=1e-4)
    assert np.sqrt(np.mean(np.square(level(voice)))) == pytest.approx(0.05, rel=1e-4)


def test_digital_silence_is_not_amplified() -> None:
    assert not level(np.zeros(100, np.float32)).any()
