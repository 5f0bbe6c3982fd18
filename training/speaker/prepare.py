"""Features and teachers' embeddings of the training speech, computed once and kept on disk.

Every clip gives views: as it is, through the channels of `training.augment`, and, when its speaker
is known, slower and faster by a tenth, which makes it the voice of somebody else. Views of up to
512 clips make a part: `<n>.npy`, float16 log-mels end to end, and `<n>.npz`, the place, the clip,
the speed and the teachers' embeddings of every view. A part that is there is not made again.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr

from training.augment import Augmentation
from training.corpora import Corpus
from training.features import seeded
from training.manifest import Clip
from training.speaker.frontend import Floats, log_mels, mel_powers
from training.speaker.material import longest
from training.speaker.speech import SpeechOnly
from training.speaker.teachers import Teacher
from veravox.audio.canonical import SAMPLE_RATE, Samples

PART = 512
SHORTEST_SECONDS = 0.8
TEACHER_SECONDS = 6.0
SPEEDS = (0.9, 1.1)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class View:
    """One rendition of a clip's speech; `channel` views learn from the teacher's clean hearing."""

    clip: int
    speed: float
    channel: bool
    samples: Samples


@dataclass(frozen=True, slots=True)
class Part:
    """Log-mels (frames, MELS) of views end to end, and a row for each view in every array."""

    log_mels: np.ndarray
    first: np.ndarray
    count: np.ndarray
    clip: np.ndarray
    speed: np.ndarray
    teachers: dict[str, Floats]


def views(
    clip: Clip, index: int, corpus: Corpus, speech: SpeechOnly, channel: Augmentation
) -> list[View]:
    """The views of a clip, which depend on it alone; none when it holds too little speech."""
    said = speech(corpus.samples(clip), longest(clip))
    if said.size < SHORTEST_SECONDS * SAMPLE_RATE:
        return []
    generator = seeded(clip, "speaker")
    made = [View(index, 1.0, False, said), View(index, 1.0, True, channel(said, generator))]
    if clip.speaker and not clip.spoof:
        for speed in SPEEDS:
            changed = soxr.resample(said, 1.0, 1.0 / speed, "HQ")
            made.append(View(index, speed, False, changed))
    return made


def prepare(
    clips: Sequence[Clip],
    corpus: Corpus,
    channel: Augmentation,
    teachers: Mapping[str, Teacher],
    directory: Path,
) -> None:
    """Make the parts that `directory` lacks."""
    directory.mkdir(parents=True, exist_ok=True)
    speech = SpeechOnly()
    for number, first in enumerate(range(0, len(clips), PART)):
        if (directory / f"{number:03}.npz").exists():
            continue
        made = [
            view
            for index in range(first, min(first + PART, len(clips)))
            for view in views(clips[index], index, corpus, speech, channel)
        ]
        _write(made, teachers, directory / f"{number:03}")
        log.info("part %d of %d: %d views", number + 1, -(-len(clips) // PART), len(made))


def read_parts(directory: Path) -> list[Part]:
    """The parts in `directory`, in order; log-mels stay on disk until they are read."""
    return [_read(path) for path in sorted(directory.glob("*.npz"))]


def _read(path: Path) -> Part:
    with np.load(path) as stored:
        rows = {name: stored[name] for name in stored.files}
    teachers = {k.removeprefix("teacher_"): rows.pop(k) for k in list(rows) if "teacher_" in k}
    return Part(np.load(path.with_suffix(".npy"), mmap_mode="r"), teachers=teachers, **rows)


def _write(made: Sequence[View], teachers: Mapping[str, Teacher], path: Path) -> None:
    features = [log_mels(mel_powers(view.samples)).astype(np.float16) for view in made]
    counts = np.array([len(rows) for rows in features])
    heard = [n for n, view in enumerate(made) if not view.channel]
    excerpts = [made[n].samples[: round(TEACHER_SECONDS * SAMPLE_RATE)] for n in heard]
    place = {(made[n].clip, made[n].speed): row for row, n in enumerate(heard)}
    rows = [place[view.clip, view.speed] for view in made]
    np.save(path.with_suffix(".npy"), np.concatenate(features))
    np.savez(
        path.with_suffix(".npz"),
        first=np.cumsum(counts) - counts,
        count=counts,
        clip=[view.clip for view in made],
        speed=[view.speed for view in made],
        **{f"teacher_{name}": embed(excerpts)[rows] for name, embed in teachers.items()},
    )
