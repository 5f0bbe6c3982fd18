"""The clips of one training run, and what the card says about them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from training.manifest import Clip
from training.speech_activity.augment import Labelled
from training.speech_activity.corpus import (
    NON_SPEECH_LABEL,
    SPEECH_LABELS,
    Mirrors,
    balanced,
    held_out_noise,
)
from training.speech_activity.teacher import Teacher
from veravox.audio.canonical import SAMPLE_RATE, Samples

SPEECH_SECONDS = 6.0
OTHER_SECONDS = 30.0
DEV_CLIPS_PER_LABEL = 150

Speech = list[tuple[Clip, Labelled]]
Other = list[tuple[Clip, Samples]]


@dataclass(frozen=True)
class Dataset:
    """Decoded clips; speech carries the teacher's view. The held-out parts are never trained on."""

    train_speech: Speech
    train_non_speech: Other
    held_out_speech: Speech
    held_out_non_speech: Other

    def summary(self) -> dict[str, Any]:
        """Clips, seconds, repositories and one hash over the blobs, for every part."""
        return {
            "train_speech": _summary([(clip, one.samples) for clip, one in self.train_speech]),
            "train_non_speech": _summary(self.train_non_speech),
            "held_out_speech": _summary(
                [(clip, one.samples) for clip, one in self.held_out_speech]
            ),
            "held_out_non_speech": _summary(self.held_out_non_speech),
        }


def of_kind(clips: Other, kind: str) -> list[Samples]:
    """The samples of the clips of one kind, "noise" or "music"."""
    return [samples for clip, samples in clips if clip.kind == kind]


def gather(
    clips: Sequence[Clip], mirrors: Mirrors, teacher: Teacher, per_label: int, seed: int
) -> Dataset:
    """Decode a balanced choice of `clips`: `per_label` for training, 150 per label held out."""
    present = [clip for clip in clips if mirrors.has(clip)]
    non_speech = [clip for clip in present if clip.label == NON_SPEECH_LABEL]
    other = list(mirrors.load(non_speech, OTHER_SECONDS))

    def labelled(split: str, count: int) -> Speech:
        chosen: list[Clip] = []
        for label in SPEECH_LABELS:
            rows = [clip for clip in present if (clip.split, clip.label) == (split, label)]
            chosen.extend(balanced(rows, count, seed))
        return [
            (clip, Labelled(samples, teacher.probabilities(samples)))
            for clip, samples in mirrors.load(chosen, SPEECH_SECONDS)
        ]

    return Dataset(
        train_speech=labelled("train", per_label),
        train_non_speech=[one for one in other if not held_out_noise(one[0])],
        held_out_speech=labelled("dev", DEV_CLIPS_PER_LABEL),
        held_out_non_speech=[one for one in other if held_out_noise(one[0])],
    )


def _summary(clips: Other) -> dict[str, Any]:
    shas = sorted(clip.sha for clip, _ in clips)
    return {
        "clips": len(clips),
        "seconds": round(sum(samples.size for _, samples in clips) / SAMPLE_RATE),
        "repositories": sorted({clip.repo for clip, _ in clips}),
        "blobs_sha256": hashlib.sha256("\n".join(shas).encode()).hexdigest(),
    }
