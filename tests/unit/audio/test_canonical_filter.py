import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from veravox.audio.canonical import SAMPLE_RATE, canonicalise


def test_the_high_pass_is_a_second_order_butterworth_at_30_hz():
    impulse = np.zeros(SAMPLE_RATE, np.float32)
    impulse[100] = 1.0
    sections = butter(2, 30.0, "highpass", fs=SAMPLE_RATE, output="sos")

    filtered = canonicalise(impulse, SAMPLE_RATE)

    assert np.abs(filtered - sosfilt(sections, impulse)).max() < 1e-6


@pytest.mark.parametrize(("hertz", "gain_db"), [(1.0, -59.1), (30.0, -3.0), (300.0, 0.0)])
def test_low_frequencies_are_taken_out_and_speech_is_left(hertz: float, gain_db: float):
    time = np.arange(4 * SAMPLE_RATE) / SAMPLE_RATE
    tone = np.sin(2 * np.pi * hertz * time).astype(np.float32)

    settled = canonicalise(tone, SAMPLE_RATE)[2 * SAMPLE_RATE :]

    level = 10 * np.log10(2 * np.mean(np.square(settled, dtype=np.float64)))
    assert level == pytest.approx(gain_db, abs=0.3)


def test_an_offset_disappears():
    settled = canonicalise(np.full(2 * SAMPLE_RATE, 0.5, np.float32), SAMPLE_RATE)[SAMPLE_RATE:]

    assert np.abs(settled).max() < 1e-5
