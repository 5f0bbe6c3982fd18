"""What the engines say: our own sentences, drawn at random for each speaker."""

import functools
import tomllib
from importlib.resources import files

import numpy as np


@functools.cache
def _sentences() -> dict[str, dict[str, list[str]]]:
    text = files("training.synthesis").joinpath("sentences.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def languages() -> list[str]:
    """The languages of which there are sentences, as espeak-ng names them."""
    return list(_sentences())


def draw(language: str, generator: np.random.Generator) -> str:
    """One long sentence or two short ones, about 3 to 7 s of speech.

    Raises KeyError for a language without sentences.
    """
    sentences = _sentences()[language]
    if generator.random() < 0.5:
        return str(generator.choice(sentences["long"]))
    first, second = generator.choice(sentences["short"], size=2, replace=False)
    return f"{first} {second}"


def draw_distinct(language: str, count: int, generator: np.random.Generator) -> list[str]:
    """`count` different texts, for engines that say the same text in the same way every time."""
    drawn: dict[str, None] = {}
    while len(drawn) < count:
        drawn[draw(language, generator)] = None
    return list(drawn)
