import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from tests.audio_factory import FIXTURES, music, noise, silence, speech, tone
from veravox.audio import activity as activity_module
from veravox.audio.activity import FRAME_SAMPLES, SPEECH_PROBABILITY, SpeechActivity
from veravox.audio.canonical import SAMPLE_RATE, Samples, canonicalise

MODELS = Path(activity_module.__file__).parent / "models"


def _share(activity: SpeechActivity, sound: Samples) -> float:
    probabilities = activity.probabilities(canonicalise(sound, SAMPLE_RATE))
    return float((probabilities >= SPEECH_PROBABILITY).mean())


@pytest.mark.parametrize("gain", [1.0, 0.01])
def test_a_voice_is_heard_whatever_its_level(activity: SpeechActivity, gain: float) -> None:
    assert _share(activity, speech(5.0) * np.float32(gain)) > 0.7


def test_a_voice_is_heard_in_noise(activity: SpeechActivity) -> None:
    assert _share(activity, speech(5.0) + noise(5.0, rms=0.01)) > 0.6


def test_digital_silence_is_not_speech(activity: SpeechActivity) -> None:
    assert _share(activity, silence(5.0)) == 0.0


@pytest.mark.parametrize("rms", [0.001, 0.1])
def test_white_noise_is_not_speech(activity: SpeechActivity, rms: float) -> None:
    assert _share(activity, noise(5.0, rms=rms)) < 0.05


@pytest.mark.parametrize("sound", [tone(5.0), music(5.0)], ids=["tone", "music"])
def test_tones_and_chords_are_hardly_speech(activity: SpeechActivity, sound: Samples) -> None:
    assert _share(activity, sound) < 0.35


def test_a_pause_is_found_where_it_is(activity: SpeechActivity) -> None:
    sound = np.concatenate((speech(2.0), silence(2.0), speech(2.0)), axis=1)
    heard = activity.probabilities(canonicalise(sound, SAMPLE_RATE)) >= SPEECH_PROBABILITY
    assert heard[:200].mean() > 0.7
    assert heard[230:370].mean() < 0.05
    assert heard[400:].mean() > 0.7


@pytest.mark.parametrize("length", [0, 1, 159, 160, 399, 400, 401, 16_000, 80_000])
def test_there_is_one_probability_for_each_whole_frame(
    activity: SpeechActivity, length: int
) -> None:
    probabilities = activity.probabilities(noise(length / SAMPLE_RATE)[0])
    assert probabilities.shape == (length // FRAME_SAMPLES,)
    assert probabilities.dtype == np.float32
    assert ((probabilities >= 0.0) & (probabilities <= 1.0)).all()


def test_threads_get_the_same_answer(activity: SpeechActivity) -> None:
    voice = canonicalise(speech(5.0), SAMPLE_RATE)
    expected = activity.probabilities(voice)
    with ThreadPoolExecutor(4) as executor:
        for probabilities in executor.map(activity.probabilities, [voice] * 8):
            np.testing.assert_array_equal(probabilities, expected)


def test_weights_other_than_the_cards_are_refused(tmp_path: Path) -> None:
    shutil.copy(MODELS / "speech_activity.json", tmp_path / "other.json")
    shutil.copy(FIXTURES / "spoken.flac", tmp_path / "other.onnx")
    with pytest.raises(ValueError, match=r"other\.onnx does not have the sha256"):
        SpeechActivity(tmp_path / "other.onnx")


def test_a_model_with_other_frames_is_refused(tmp_path: Path) -> None:
    shutil.copy(MODELS / "speech_activity.onnx", tmp_path / "other.onnx")
    card = json.loads((MODELS / "speech_activity.json").read_text(encoding="utf-8"))
    card["frame_seconds"] = 0.02
    (tmp_path / "other.json").write_text(json.dumps(card), encoding="utf-8")
    with pytest.raises(ValueError, match=r"frames of 0\.01 seconds"):
        SpeechActivity(tmp_path / "other.onnx")
