"""Hibari, a small English engine with a harmonic-plus-noise waveform generator.

https://github.com/MMWilliams/hibari
"""

import functools
from collections.abc import Iterator

import hibari

from training.synthesis.sets import Engine, Planned, Sound, generator_of, seed_of
from training.synthesis.texts import draw

CLIPS = 60
LANGUAGE = "en-us"

_ENGINE = Engine("source-filter", "tts", 2026, "Apache-2.0")


def plan() -> Iterator[Planned]:
    """60 clips of the packaged voice at different speeds."""
    for number in range(CLIPS):
        yield Planned(
            engine=_ENGINE,
            system="hibari",
            language=LANGUAGE,
            speaker="hibari-heart",
            name=f"{number:03d}",
            make=functools.partial(_speak, number),
        )


def _speak(number: int) -> Sound:
    generator = generator_of("hibari", str(number))
    speed = float(generator.uniform(0.8, 1.25))
    seed = seed_of("hibari", "noise", str(number))
    return Sound(_engine()(draw(LANGUAGE, generator), speed, seed), hibari.SAMPLE_RATE)


@functools.cache
def _engine() -> hibari.Hibari:
    return hibari.Hibari(threads=1)
