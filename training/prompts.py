"""Telephone prompts as genuine speech to train on: `python -m training.prompts --help`.

Studio speech through a telephone band, gated and without noise, is what detectors like to flag.
Debian's packages `asterisk-core-sounds-{en,es,fr,it,ru}-wav` hold such prompts by five voices, four
people. Each voice becomes a set beside those of `training.synthesis`, so that it takes part in
training; since no other set of prompts remains, errors are told for heads that were fitted without
the person.
"""

import argparse
import csv
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.corpora import SET_INDEX
from training.crossval import unrelated
from training.features import Features
from training.heads import HeadOptions, fit_head, predict
from training.measure import FROZEN_ALONE
from training.synthesis.sets import COLUMNS, blob_hash, set_folder
from veravox.detection.card import Calibration, MetricTable

TITLE = f"telephone prompts, the person held out, {FROZEN_ALONE}"
SET = "prompts"
SHORTEST_SECONDS = 2.0
PER_VOICE = 200
YEAR = 2010


@dataclass(frozen=True, slots=True)
class Voice:
    """Who speaks the prompts of a folder, in which language, under which licence."""

    speaker: str
    language: str
    licence: str


VOICES = {
    "en_US_f_Allison": Voice("asterisk-allison", "en", "CC-BY-SA-3.0"),
    "es_MX_f_Allison": Voice("asterisk-allison", "es", "CC-BY-SA-3.0"),
    "fr_CA_f_June": Voice("asterisk-june", "fr", "CC-BY-SA-3.0"),
    "it_IT_m_Carlo": Voice("asterisk-carlo", "it", "CC-BY-SA-3.0"),
    "ru_RU_f_IvrvoiceRU": Voice("asterisk-ivrvoice", "ru", "CC-BY-3.0"),
}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m training.prompts", description=__doc__)
    parser.add_argument("--sounds", type=Path, default=Path("/usr/share/asterisk/sounds"))
    parser.add_argument("--out", type=Path, default=Path("cache/synthesis"))
    arguments = parser.parse_args()
    for name, voice in VOICES.items():
        count = write_set(arguments.sounds / name, name, voice, arguments.out)
        print(f"{name}: {count} prompts")


@dataclass(frozen=True, slots=True)
class Prompt:
    """A WAV file, how long it is, and its sample rate in Hz."""

    content: bytes
    seconds: float
    rate: int


def long_prompts(folder: Path, count: int) -> dict[str, Prompt]:
    """At most `count` prompts of two seconds or more below `folder`, by blob hash."""
    found: dict[str, Prompt] = {}
    for path in folder.rglob("*.wav"):
        with wave.open(str(path)) as file:
            rate, seconds = file.getframerate(), file.getnframes() / file.getframerate()
        if seconds >= SHORTEST_SECONDS:
            content = path.read_bytes()
            found[blob_hash(content)] = Prompt(content, seconds, rate)
    return dict(sorted(found.items())[:count])


def write_set(folder: Path, name: str, voice: Voice, out: Path) -> int:
    """Writes the set of one voice below `out`: at most 200 prompts, those of `long_prompts`."""
    chosen = long_prompts(folder, PER_VOICE)
    target = set_folder(out, f"{SET}-{name}")
    target.mkdir(parents=True, exist_ok=True)
    with (target / SET_INDEX).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for sha, prompt in chosen.items():
            (target / f"{sha}.wav").write_bytes(prompt.content)
            described = {
                "split": "train",
                "label": "bonafide",
                "repo": f"synthesis/{SET}-{name}",
                "found_in": "package",
                "path": f"{sha}.wav",
                "sha": sha,
                "format": "wav",
                "sample_rate": prompt.rate,
                "duration": round(prompt.seconds, 3),
                "language": voice.language,
                "speaker": voice.speaker,
                "year": YEAR,
                "licence": voice.licence,
            }
            writer.writerow(dict.fromkeys(COLUMNS, "") | described)
    return len(chosen)


def held_out_table(
    command: str, train: Features, options: HeadOptions, calibration: Calibration
) -> dict[str, MetricTable]:
    """False alarms on each set of prompts by a head that did not hear the person; empty if none."""
    clips = [example.clip for example in train.examples]
    clean = np.array([example.variant == 0 for example in train.examples])
    sets = np.array([c.repo if c.repo.startswith(f"synthesis/{SET}-") else "" for c in clips])
    rows: dict[str, dict[str, float]] = {}
    for speaker in sorted({c.speaker for c, name in zip(clips, sets, strict=True) if name}):
        outside = np.array([clip.speaker == speaker for clip in clips])
        inside = np.flatnonzero(unrelated(clips, outside))
        head = fit_head(train.values[inside], [clips[i] for i in inside], options, seed=0)
        for name in sorted(set(sets[outside]) - {""}):
            heard = clean & (sets == name)
            llrs = calibration.slope * predict([head], train.values[heard], options)
            alarms = float((llrs + calibration.intercept >= 0.0).mean())
            rows[name.removeprefix(f"synthesis/{SET}-")] = {
                "n": float(heard.sum()),
                "bpcer": round(alarms, 4),
            }
    return {TITLE: MetricTable(command=command, rows=rows)} if rows else {}


if __name__ == "__main__":
    main()
