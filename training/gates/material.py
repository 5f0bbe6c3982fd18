"""The labelled recordings that gates are run on, from a folder or from the training corpus."""

import hashlib
import io
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.augment import decode
from training.corpora import Corpus
from training.manifest import Clip
from veravox.audio.canonical import Samples
from veravox.audio.sniff import HEAD_BYTES, sniff
from veravox.evaluation.manifest import read_manifest

SHORTEST_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Labelled:
    """A recording: `group` is its system, or its source where it is bona fide.

    `load` gives its canonical samples, float32, shape (n,).
    """

    name: str
    spoof: bool
    group: str
    source: str
    load: Callable[[], Samples]


def of_folder(manifest: Path) -> list[Labelled]:
    """The recordings of a manifest of `veravox evaluate`. Raises MediaError for a broken one."""
    return [
        Labelled(
            name=row.path,
            spoof=row.spoof,
            group=row.system if row.spoof else row.source,
            source=row.source,
            load=lambda path=manifest.parent / row.path: _read(path.read_bytes()),
        )
        for row in read_manifest(manifest)
    ]


def of_corpus(clips: Sequence[Clip], corpus: Corpus) -> list[Labelled]:
    """Those clips that are decoded and last a second."""
    return [
        Labelled(
            name=clip.sha,
            spoof=clip.spoof,
            group=clip.group,
            source=clip.repo,
            load=lambda clip=clip: corpus.samples(clip),
        )
        for clip in clips
        if clip in corpus and corpus.seconds(clip) >= SHORTEST_SECONDS
    ]


def choose(recordings: Sequence[Labelled], per_class: int) -> list[Labelled]:
    """At most so many of each class, one after another from each group, by a hash of the name."""
    chosen: list[Labelled] = []
    for spoof in (False, True):
        groups: dict[str, list[Labelled]] = defaultdict(list)
        for recording in sorted(recordings, key=_place):
            if recording.spoof is spoof:
                groups[recording.group].append(recording)
        turns = max((len(members) for members in groups.values()), default=0)
        dealt = [
            members[turn]
            for turn in range(turns)
            for _, members in sorted(groups.items())
            if turn < len(members)
        ]
        chosen += dealt[:per_class]
    return chosen


def labels(recordings: Sequence[Labelled]) -> np.ndarray:
    """Which recordings are spoofs."""
    return np.array([recording.spoof for recording in recordings], dtype=np.bool_)


def _place(recording: Labelled) -> str:
    return hashlib.sha256(recording.name.encode()).hexdigest()


def _read(content: bytes) -> Samples:
    return decode(content, sniff(io.BytesIO(content).read(HEAD_BYTES)))
