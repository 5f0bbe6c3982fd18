"""Text to IPA by the espeak-ng that `piper-tts` carries (GPL-3.0-or-later)."""

import functools

from piper.phonemize_espeak import EspeakPhonemizer


def phonemes(text: str, language: str) -> str:
    """IPA of `text` with its punctuation. `language` is espeak-ng's name of it."""
    return " ".join("".join(part) for part in _phonemizer().phonemize(language, text))


@functools.cache
def _phonemizer() -> EspeakPhonemizer:
    return EspeakPhonemizer()
