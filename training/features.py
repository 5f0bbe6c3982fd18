"""Which clips are trained on, and pooled encoder features of their windows, kept on disk."""

import logging
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from training.manifest import Clip
from training.store import Store
from training.whisper import Encoder, pooled
from training.windows import Windows
from veravox.audio.canonical import Samples

BATCH = 16

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Example:
    """The window of a clip in a variant: 0 as it is, others through a channel."""

    clip: Clip
    variant: int


@dataclass(frozen=True, slots=True)
class Features:
    """`values`: (n, layers, statistics, width) float16, one row for each of `examples`."""

    examples: list[Example]
    values: np.ndarray


def choose(clips: Sequence[Clip], per_system: int, per_page: int, per_source: int) -> list[Clip]:
    """At most so many clips of each spoof system, of each system in one repository, and of each
    bona fide source, by blob hash."""
    groups: dict[tuple[bool, str], list[Clip]] = defaultdict(list)
    pages: Counter[tuple[str, str]] = Counter()
    for clip in sorted(clips, key=lambda c: c.sha):
        page = clip.group, clip.repo
        if not clip.spoof or pages[page] < per_page:
            groups[clip.spoof, clip.group].append(clip)
        pages[page] += clip.spoof
    return [
        clip
        for (spoof, _), members in sorted(groups.items())
        for clip in members[: per_system if spoof else per_source]
    ]


def compute(clips: Sequence[Clip], windows: Windows, encoder: Encoder, directory: Path) -> Features:
    """Features of each clip's window in every variant; resumes where it stopped."""
    examples: list[Example] = []
    parts: list[np.ndarray] = []
    for variant, name in enumerate(windows.names):
        store = Store(directory / f"{encoder.name}-{name}")
        for chunk in store.missing(clips):
            values = encode([windows.samples(clip, variant) for clip in chunk], encoder)
            store.add([clip.sha for clip in chunk], values)
            log.info("%s: features of %d clips more", name, len(chunk))
        examples += [Example(clip, variant) for clip in clips]
        parts.append(store.rows([clip.sha for clip in clips]))
    return Features(examples, np.concatenate(parts))


def encode(windows: Sequence[Samples], encoder: Encoder) -> np.ndarray:
    """Pooled features of windows in the model's view: (n, layers, statistics, width) float16."""
    with torch.inference_mode():
        return np.concatenate(
            [
                pooled(encoder(torch.from_numpy(np.stack(windows[i : i + BATCH]))))
                .numpy()
                .astype(np.float16)
                for i in range(0, len(windows), BATCH)
            ]
        )
