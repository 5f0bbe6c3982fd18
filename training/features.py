"""Pooled encoder features of training windows, computed once and kept on disk.

Each clip gives one window of at most 5 s as it is and one augmented, both seeded by the clip's
blob hash. Features are kept in chunks of 256 rows, `<hash>.npy` with `<hash>.json` naming the rows,
in a folder for each encoder and augmentation policy; only what is not there yet is computed.
"""

import hashlib
import json
import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from training.augment import POLICY, Augmentation
from training.corpora import Corpus
from training.manifest import Clip
from training.whisper import Encoder, pooled
from veravox.audio.canonical import SAMPLE_RATE, Samples
from veravox.audio.windows import WINDOW_SAMPLES
from veravox.detection.detector import fit_window

CHUNK = 256
BATCH = 16
SEED = 2026

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Example:
    """One window of one clip, as it is or augmented."""

    clip: Clip
    augmented: bool


@dataclass(frozen=True, slots=True)
class Features:
    """`values`: (n, layers, 2, width) float16, one row for each of `examples`."""

    examples: list[Example]
    values: np.ndarray


def choose(clips: Sequence[Clip], per_system: int, per_source: int) -> list[Clip]:
    """At most so many clips of each spoof system and each bona fide source, by blob hash."""
    groups: dict[tuple[bool, str], list[Clip]] = defaultdict(list)
    for clip in clips:
        groups[clip.spoof, clip.group].append(clip)
    return [
        clip
        for (spoof, _), members in sorted(groups.items())
        for clip in sorted(members, key=lambda c: c.sha)[: per_system if spoof else per_source]
    ]


def window_of(example: Example, corpus: Corpus, augmentation: Augmentation) -> Samples:
    """The model's view of a seeded window of the clip, (80000,)."""
    clip = example.clip
    generator = seeded(clip, str(example.augmented))
    length = round(corpus.seconds(clip) * SAMPLE_RATE)
    first = int(generator.integers(max(1, length - WINDOW_SAMPLES + 1)))
    samples = corpus.samples(clip, first, WINDOW_SAMPLES)
    if example.augmented:
        samples = augmentation(samples, generator)[:WINDOW_SAMPLES]
    return fit_window(samples)


def seeded(clip: Clip, purpose: str) -> np.random.Generator:
    """A generator of random numbers that depends on the clip and the purpose only."""
    digest = hashlib.sha256(f"{SEED}{clip.sha}{purpose}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


def compute(
    clips: Sequence[Clip],
    corpus: Corpus,
    encoder: Encoder,
    augmentation: Augmentation,
    directory: Path,
) -> Features:
    """Features of a window of each clip, as it is and augmented; resumes where it stopped."""
    examples: list[Example] = []
    parts: list[np.ndarray] = []
    for augmented in (False, True):
        kind = f"augmented-{POLICY}" if augmented else "clean"
        store = _Store(directory / f"{encoder.name}-{kind}")
        wanted = [Example(clip, augmented) for clip in clips]
        missing = [example for example in wanted if example.clip.sha not in store.places]
        order = np.random.default_rng(SEED).permutation(len(missing))
        for first in range(0, len(missing), CHUNK):
            chunk = [missing[index] for index in order[first : first + CHUNK]]
            windows = [window_of(example, corpus, augmentation) for example in chunk]
            store.add([example.clip.sha for example in chunk], encode(windows, encoder))
            log.info("%s features: %d of %d", kind, first + len(chunk), len(missing))
        examples += wanted
        parts.append(store.rows([example.clip.sha for example in wanted]))
    return Features(examples, np.concatenate(parts))


def encode(windows: Sequence[Samples], encoder: Encoder) -> np.ndarray:
    """Pooled features of windows in the model's view: (n, layers, 2, width) float16."""
    with torch.inference_mode():
        return np.concatenate(
            [
                pooled(encoder(torch.from_numpy(np.stack(windows[i : i + BATCH]))))
                .numpy()
                .astype(np.float16)
                for i in range(0, len(windows), BATCH)
            ]
        )


class _Store:
    """Rows of features by blob hash, in chunks on disk."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self.places: dict[str, tuple[str, int]] = {}
        for index in sorted(directory.glob("*.json")):
            self._enter(index.stem, json.loads(index.read_text()))

    def add(self, keys: Sequence[str], values: np.ndarray) -> None:
        """The index is written last, so that a chunk that was interrupted does not count."""
        name = hashlib.sha256("".join(keys).encode()).hexdigest()[:24]
        np.save(self._directory / f"{name}.npy", values)
        (self._directory / f"{name}.json").write_text(json.dumps(list(keys)))
        self._enter(name, keys)

    def rows(self, keys: Sequence[str]) -> np.ndarray:
        chunks = {
            name: np.load(self._directory / f"{name}.npy")
            for name in {self.places[key][0] for key in keys}
        }
        places = (self.places[key] for key in keys)
        return np.stack([chunks[name][row] for name, row in places])

    def _enter(self, name: str, keys: Sequence[str]) -> None:
        self.places |= {key: (name, row) for row, key in enumerate(keys)}
