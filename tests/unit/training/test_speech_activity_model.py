import hashlib
import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter

import veravox.audio

MODELS = Path(veravox.audio.__file__).parent / "models"
RATE = 16_000
VOWELS_HZ = (
    (730, 1090, 2440, 3400),
    (270, 2290, 3010, 3500),
    (300, 870, 2240, 3300),
    (530, 1840, 2480, 3500),
    (570, 840, 2410, 3300),
)
BANDWIDTHS_HZ = (80, 90, 120, 150)


def vowel(formants, generator):
    """A pulse train with swinging pitch through four resonances (a formant synthesiser)."""
    time = np.arange(int(generator.uniform(0.1, 0.25) * RATE)) / RATE
    pitch = generator.uniform(100, 140) * (1 + 0.1 * np.sin(2 * np.pi * 1.3 * time))
    sound = np.diff(np.floor(np.cumsum(pitch) / RATE), prepend=0.0)
    for formant, bandwidth in zip(formants, BANDWIDTHS_HZ, strict=True):
        radius = np.exp(-np.pi * bandwidth / RATE)
        pole_pair = [1, -2 * radius * np.cos(2 * np.pi * formant / RATE), radius**2]
        sound = lfilter([1], pole_pair, sound)
    sound *= np.sqrt(np.hanning(sound.size))
    return sound / np.abs(sound).max()


def fricative(generator):
    noise = lfilter([1, -0.9], [1], generator.standard_normal(1280))
    return 0.08 * noise * np.hanning(noise.size)


def babble(seconds):
    generator = np.random.default_rng(0)
    sounds = []
    while sum(sound.size for sound in sounds) < seconds * RATE:
        formants = VOWELS_HZ[generator.integers(len(VOWELS_HZ))]
        sounds += [np.zeros(480), fricative(generator), vowel(formants, generator)]
    return np.concatenate(sounds)[: seconds * RATE].astype(np.float32)


def noise(samples, seed=0):
    return np.random.default_rng(seed).standard_normal(samples).astype(np.float32)


def at_peak(samples, dbfs):
    return (samples / np.abs(samples).max() * 10 ** (dbfs / 20)).astype(np.float32)


@pytest.fixture(scope="module")
def speech():
    session = onnxruntime.InferenceSession(MODELS / "speech_activity.onnx")
    return lambda samples: session.run(["speech"], {"waveform": samples[None]})[0][0]


def test_the_card_names_the_hash_of_the_model_beside_it():
    card = json.loads((MODELS / "speech_activity.json").read_text(encoding="utf-8"))
    model = (MODELS / "speech_activity.onnx").read_bytes()
    assert card["sha256"] == hashlib.sha256(model).hexdigest()
    assert card["frame_seconds"] == 0.01


def test_the_model_is_no_larger_than_300_kilobytes():
    assert (MODELS / "speech_activity.onnx").stat().st_size <= 300_000


@settings(max_examples=40)
@given(st.integers(min_value=400, max_value=40_000))
def test_there_is_one_probability_per_ten_milliseconds(speech, samples):
    probabilities = speech(0.01 * noise(samples))
    assert probabilities.shape == (samples // 160,)
    assert np.all((probabilities >= 0.0) & (probabilities <= 1.0))


def test_digital_silence_is_certainly_no_speech(speech):
    assert np.array_equal(speech(np.zeros(5 * RATE, np.float32)), np.zeros(500, np.float32))


def test_silence_around_a_sound_is_certainly_no_speech(speech):
    quiet = np.zeros(2 * RATE, np.float32)
    probabilities = speech(np.concatenate([quiet, babble(2), quiet]))
    assert not probabilities[:140].any()
    assert not probabilities[-140:].any()


@pytest.mark.parametrize("dbfs", [-60, -40, -20, 0])
def test_white_noise_of_any_level_is_no_speech(speech, dbfs):
    assert np.mean(speech(at_peak(noise(10 * RATE), dbfs)) >= 0.5) < 0.01


@pytest.mark.parametrize("hertz", [50.0, 440.0, 1000.0, 3000.0])
def test_a_steady_tone_is_no_speech(speech, hertz):
    tone = 0.1 * np.sin(2 * np.pi * hertz * np.arange(5 * RATE) / RATE)
    assert np.mean(speech(tone.astype(np.float32)) >= 0.5) < 0.05


@pytest.mark.parametrize("dbfs", [-60, -40, -20, 0])
def test_a_formant_voice_is_speech_at_any_level_and_the_pauses_around_it_are_not(speech, dbfs):
    recording = 1e-4 * noise(6 * RATE)
    recording[RATE : 5 * RATE] += babble(4)
    probabilities = speech(at_peak(recording, dbfs))
    assert np.mean(probabilities[120:480] >= 0.5) > 0.95
    assert np.mean(probabilities[:80] >= 0.5) < 0.1
    assert np.mean(probabilities[520:] >= 0.5) < 0.1


def test_a_frame_does_not_depend_on_audio_more_than_a_second_and_a_half_away(speech):
    middle = babble(4)
    alone = speech(middle)
    surrounded = speech(np.concatenate([noise(RATE), middle, noise(RATE, seed=1)]))
    assert np.allclose(alone[150:250], surrounded[250:350], atol=1e-4)
