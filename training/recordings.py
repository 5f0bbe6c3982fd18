"""Whole recordings, window by window, for the decision rules: file fusion and tau_n.

Training recordings are scored by what has not seen their repository.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from training.corpora import LONGEST_SECONDS, Corpus
from training.crossval import HELD_OUT, CrossValidation
from training.features import encode
from training.heads import HeadOptions, predict
from training.manifest import Clip
from training.tune import TunedNetwork, ensemble
from training.whisper import Encoder
from veravox.audio.canonical import Samples
from veravox.audio.windows import window_bounds
from veravox.detection.detector import fit_window

SHORTEST_SECONDS = 10.0
PER_GROUP = 12


@dataclass(frozen=True, slots=True)
class Recording:
    """A clip, or several of one speaker and source end to end."""

    clips: tuple[Clip, ...]

    @property
    def repo(self) -> str:
        """The source of all its clips."""
        return self.clips[0].repo

    @property
    def spoof(self) -> bool:
        """The label of all its clips."""
        return self.clips[0].spoof

    @property
    def key(self) -> str:
        """Identifies its audio."""
        return hashlib.sha256("".join(clip.sha for clip in self.clips).encode()).hexdigest()[:40]

    def windows(self, corpus: Corpus) -> list[Samples]:
        """Its windows as serving cuts them, each in the model's view (80000,)."""
        samples = np.concatenate([corpus.samples(clip) for clip in self.clips])
        return [fit_window(samples[first:end]) for first, end in window_bounds(samples.size)]


def choose_long(clips: Sequence[Clip], corpus: Corpus) -> list[Recording]:
    """Clips of others of 10 s or more, at most 12 of each system and source, by blob hash."""
    groups: dict[tuple[bool, str], list[Clip]] = defaultdict(list)
    for clip in clips:
        if corpus.seconds(clip) >= SHORTEST_SECONDS and not clip.synthetic:
            groups[clip.spoof, clip.group].append(clip)
    return [
        Recording((clip,))
        for _, members in sorted(groups.items())
        for clip in sorted(members, key=lambda c: c.sha)[:PER_GROUP]
    ]


def join_by_speaker(clips: Sequence[Clip], corpus: Corpus, per_speaker: int = 1) -> list[Recording]:
    """Minutes of bona fide speech, `per_speaker` of one speaker's clips, 12 a source at most."""
    speakers: dict[tuple[str, str], list[Clip]] = defaultdict(list)
    for clip in sorted(clips, key=lambda c: c.sha):
        if clip.speaker and not clip.spoof:
            speakers[clip.repo, clip.speaker].append(clip)
    sources: dict[str, list[Recording]] = defaultdict(list)
    for (repo, _), members in sorted(speakers.items()):
        for minute in islice(_minutes(members, corpus), per_speaker):
            if len(sources[repo]) < PER_GROUP:
                sources[repo].append(Recording(minute))
    return [recording for recordings in sources.values() for recording in recordings]


def held_out_logits(
    recordings: Sequence[Recording],
    corpus: Corpus,
    encoder: Encoder,
    validation: CrossValidation,
    options: HeadOptions,
    tuned: TunedNetwork,
    directory: Path,
) -> list[np.ndarray]:
    """The logits of every window of each recording, of the fold that `tuned` has not seen.

    They are the mean of both views; features of the frozen one are kept in `directory`.
    """
    directory.mkdir(parents=True, exist_ok=True)
    logits: list[np.ndarray] = []
    for recording in recordings:
        path = directory / f"{encoder.name}-{recording.key}.npy"
        windows = recording.windows(corpus)
        if not path.exists():
            np.save(path, encode(windows, encoder))
        frozen = predict(validation.heads[HELD_OUT], np.load(path), options)
        logits.append(ensemble(frozen, tuned.logits(windows)))
    return logits


def _minutes(clips: Sequence[Clip], corpus: Corpus) -> Iterator[tuple[Clip, ...]]:
    """One after another as many of `clips` as fill 60 s; what remains does not."""
    seconds, first = 0.0, 0
    for count, clip in enumerate(clips, start=1):
        seconds += corpus.seconds(clip)
        if seconds >= LONGEST_SECONDS:
            yield tuple(clips[first:count])
            seconds, first = 0.0, count
