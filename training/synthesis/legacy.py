"""Engines of before neural networks, run as programs: espeak-ng, flite and festival.

A few clips of each: they are easily told from real speech and must not dominate.
"""

import functools
import io
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.synthesis.sets import Engine, Planned, Sound, generator_of
from training.synthesis.texts import draw_distinct
from veravox.audio.decode import DecodeLimits
from veravox.audio.reader import read_media

CLIPS = 12
_TIMEOUT_SECONDS = 60

_FORMANT = Engine("formant", "tts", 2015, "GPL-3.0-or-later")


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice as its program names it. `encoding`: of the text that the program reads."""

    name: str
    language: str
    engine: Engine
    encoding: str = "utf-8"


_FLITE = "BSD-like (CMU)"
_STATISTICAL = "statistical parametric"

ESPEAK_VOICES = tuple(
    Voice(name, name.split("+")[0], _FORMANT)
    for name in ("en-us+m3", "en-us+f2", "de+f4", "fr+m5", "es", "pl+m1", "hi+f3", "pt-br+m7")
)
FLITE_VOICES = (
    Voice("kal16", "en-us", Engine("diphone", "tts", 1999, _FLITE)),
    Voice("rms", "en-us", Engine(_STATISTICAL, "tts", 2014, _FLITE)),
    Voice("slt", "en-us", Engine(_STATISTICAL, "tts", 2014, _FLITE)),
    Voice("awb", "en-us", Engine(_STATISTICAL, "tts", 2014, _FLITE)),
)
FESTIVAL_VOICES = (
    Voice("ked_diphone", "en-us", Engine("diphone", "tts", 1999, "BSD-like (CSTR)")),
    Voice("cmu_us_slt_arctic_hts", "en-us", Engine(_STATISTICAL, "tts", 2010, "BSD-3-Clause")),
    Voice("lp_diphone", "it", Engine("diphone", "tts", 2004, "GPL-2.0-or-later"), "iso-8859-1"),
    Voice("suo_fi_lj_diphone", "fi", Engine("diphone", "tts", 2005, "LGPL"), "iso-8859-1"),
    Voice("czech_dita", "cs", Engine("diphone", "tts", 2010, "GPL-3.0-or-later"), "iso-8859-2"),
    Voice("msu_ru_nsh_clunits", "ru", Engine("unit selection", "tts", 2009, "BSD-like, GPL-3.0")),
    Voice("hindi_NSK_diphone", "hi", Engine("diphone", "tts", 2006, "GPL-2.0-or-later")),
)


def plan_espeak() -> Iterator[Planned]:
    """Eight voices of espeak-ng, seven languages."""
    for voice in ESPEAK_VOICES:
        command = ["espeak-ng", "-v", voice.name, "-f", "{text}", "-w", "{speech}"]
        yield from _plan("espeak-ng", voice, command)


def plan_flite() -> Iterator[Planned]:
    """Four voices of flite."""
    for voice in FLITE_VOICES:
        command = ["flite", "-voice", voice.name, "-f", "{text}", "-o", "{speech}"]
        yield from _plan("flite", voice, command)


def plan_festival() -> Iterator[Planned]:
    """Seven voices of festival: diphones, units and hidden Markov models in six languages."""
    for voice in FESTIVAL_VOICES:
        command = ["text2wave", "-eval", f"(voice_{voice.name})", "{text}", "-o", "{speech}"]
        yield from _plan("festival", voice, command)


def _plan(program: str, voice: Voice, command: list[str]) -> Iterator[Planned]:
    for number, text in enumerate(draw_distinct(voice.language, CLIPS, generator_of(voice.name))):
        yield Planned(
            engine=voice.engine,
            system=f"{program}:{voice.name}",
            language=voice.language,
            speaker=f"{program}-{voice.name}",
            name=f"{voice.name}/{number:02d}",
            make=functools.partial(_speak, voice, text, command),
        )


def _speak(voice: Voice, sentence: str, command: list[str]) -> Sound:
    """Raises FileNotFoundError without the program, CalledProcessError when it fails."""
    with tempfile.TemporaryDirectory() as folder:
        text, speech = Path(folder, "text.txt"), Path(folder, "speech.wav")
        text.write_text(f"{sentence}\n", encoding=voice.encoding)
        arguments = [part.format(text=text, speech=speech) for part in command]
        subprocess.run(arguments, check=True, capture_output=True, timeout=_TIMEOUT_SECONDS)
        blocks = list(read_media(io.BytesIO(speech.read_bytes()), "wav", DecodeLimits()))
    samples = np.concatenate([block.samples.mean(axis=0) for block in blocks])
    return Sound(samples, blocks[0].sample_rate)
