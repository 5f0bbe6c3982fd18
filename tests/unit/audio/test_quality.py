import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import ellip, sosfilt

from tests.audio_factory import noise, silence, speech, tone
from veravox.audio.activity import FRAME_SAMPLES, SPEECH_PROBABILITY, SpeechActivity
from veravox.audio.canonical import SAMPLE_RATE, Samples, canonicalise
from veravox.audio.quality import SILENCE_DBFS, QualityMeter
from veravox.audio.recording import Quality


def _measured(samples: Samples, speech_frames: NDArray[np.bool_], block: int = 500) -> Quality:
    meter = QualityMeter()
    for first in range(0, speech_frames.size, block):
        frames = speech_frames[first : first + block]
        start = first * FRAME_SAMPLES
        meter.push(samples[start : start + frames.size * FRAME_SAMPLES], frames)
    return meter.result(0.25)


def _half_and_half(loud: Samples, quiet: Samples) -> tuple[Samples, NDArray[np.bool_]]:
    samples = np.concatenate((loud[0], quiet[0]))
    frames = np.zeros(samples.size // FRAME_SAMPLES, np.bool_)
    frames[: loud.shape[1] // FRAME_SAMPLES] = True
    return samples, frames


@pytest.mark.parametrize("snr_db", [0.0, 10.0, 20.0, 40.0])
def test_snr_is_the_power_of_the_speech_over_that_of_the_pauses(snr_db: float) -> None:
    hum = noise(5.0, rms=0.2 * 10.0 ** (-snr_db / 20.0), seed=1)
    loud = noise(5.0, rms=0.2, seed=2) + hum
    quality = _measured(*_half_and_half(loud, noise(5.0, rms=hum.std(), seed=3)))
    assert quality.snr_db == pytest.approx(snr_db, abs=0.7)


@pytest.mark.parametrize("snr_db", [5.0, 15.0, 25.0])
def test_snr_of_a_real_voice_is_found_with_the_real_speech_activity(
    activity: SpeechActivity, snr_db: float
) -> None:
    voice = np.concatenate((speech(5.0), silence(2.0), speech(5.0)), axis=1)
    background = noise(12.0, rms=speech(5.0).std() * 10.0 ** (-snr_db / 20.0))
    samples = canonicalise(voice + background, SAMPLE_RATE)
    heard = activity.probabilities(samples) >= SPEECH_PROBABILITY
    assert _measured(samples, heard).snr_db == pytest.approx(snr_db, abs=3.0)


def test_noise_is_found_in_the_gaps_of_speech_that_never_pauses() -> None:
    voice = speech(6.0) + noise(6.0, rms=0.003)
    quality = _measured(voice[0], np.ones(600, np.bool_))
    assert quality.snr_db is not None
    assert quality.snr_db == pytest.approx(20 * np.log10(speech(6.0).std() / 0.003), abs=4.0)


def test_level_is_that_of_the_speech_alone() -> None:
    quality = _measured(*_half_and_half(tone(5.0, peak=0.5), silence(5.0)))
    assert quality.level_dbfs == pytest.approx(-9.03, abs=0.05)


def test_net_speech_is_the_time_of_the_speech_frames() -> None:
    assert _measured(*_half_and_half(speech(2.0), silence(3.0))).net_speech == pytest.approx(2.0)


@pytest.mark.parametrize("edge", [2_000.0, 3_400.0, 6_000.0])
def test_bandwidth_is_where_a_low_pass_cut(edge: float) -> None:
    low_pass = ellip(10, 0.1, 80.0, edge, fs=SAMPLE_RATE, output="sos")
    cut = sosfilt(low_pass, noise(5.0)).astype(np.float32)
    quality = _measured(cut[0], np.ones(500, np.bool_))
    assert edge <= quality.bandwidth_hz <= edge + 500.0


def test_a_telephone_recording_has_no_more_than_4_khz() -> None:
    telephone = canonicalise(speech(5.0, 8_000), 8_000)
    quality = _measured(telephone, np.ones(500, np.bool_))
    assert 3_000 < quality.bandwidth_hz <= 4_125


def test_a_full_band_voice_has_more_than_6_khz() -> None:
    quality = _measured(canonicalise(speech(5.0), SAMPLE_RATE), np.ones(500, np.bool_))
    assert quality.bandwidth_hz > 6_000


def test_what_is_heard_outside_speech_does_not_widen_the_band() -> None:
    narrow = canonicalise(speech(5.0, 8_000), 8_000)[np.newaxis]
    quality = _measured(*_half_and_half(narrow, noise(5.0)))
    assert quality.bandwidth_hz <= 4_125


def test_blocks_of_whole_segments_make_no_difference(activity: SpeechActivity) -> None:
    samples = canonicalise(speech(16.0) + noise(16.0, rms=0.005), SAMPLE_RATE)
    heard = activity.probabilities(samples) >= SPEECH_PROBABILITY
    small, large = _measured(samples, heard, 16), _measured(samples, heard, 1_600)
    assert small.snr_db == pytest.approx(large.snr_db)
    assert small.level_dbfs == pytest.approx(large.level_dbfs)
    assert small.bandwidth_hz == large.bandwidth_hz
    assert small.net_speech == large.net_speech


def test_without_speech_there_is_no_snr() -> None:
    quality = _measured(silence(5.0)[0], np.zeros(500, np.bool_))
    assert quality == Quality(
        snr_db=None,
        clipping_ratio=0.25,
        bandwidth_hz=0.0,
        level_dbfs=SILENCE_DBFS,
        net_speech=0.0,
    )


def test_a_recording_of_nothing_has_no_quality_to_speak_of() -> None:
    assert QualityMeter().result(0.0).net_speech == 0.0


def test_flags_that_do_not_fit_the_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="one speech flag"):
        QualityMeter().push(np.zeros(320, np.float32), np.zeros(3, np.bool_))
