"""Windows of 5 s of training clips, as they are and through random channels, kept on disk.

Each clip gives one window for each variant: variant 0 is the recording as it is, every other one a
random place and channel, all seeded by the clip's blob hash. The voices of the channels' babble are
part of a variant's name, so that a window never comes from another policy. A window is kept as
int16, scaled to its peak; models level it again.
"""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from training.augment import POLICY, Augmentation
from training.corpora import PEAK, Corpus
from training.manifest import Clip
from training.store import Store
from veravox.audio.canonical import SAMPLE_RATE, Samples, level
from veravox.audio.windows import WINDOW_SAMPLES
from veravox.detection.detector import fit_window

SEED = 2026
SILENT = 1e-6
"""The peak of a window below which it is not blown up any further."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Windows:
    """The windows of clips in several variants, each with the name of how it was made."""

    names: list[str]
    stores: list[Store]

    def samples(self, clip: Clip, variant: int) -> Samples:
        """The model's view of the clip's window in a variant, (80000,)."""
        return level(self.stores[variant].row(clip.sha).astype(np.float32))


def cut(
    clips: Sequence[Clip],
    corpus: Corpus,
    augmentation: Augmentation,
    directory: Path,
    variants: int,
    processes: int = 1,
) -> Windows:
    """Windows of all clips in `variants` variants; only what is not in `directory` is made."""
    policy = f"policy-{POLICY}-{augmentation.fingerprint}"
    names = ["clean", *(f"{policy}-{variant}" for variant in range(1, variants))]
    stores: list[Store] = []
    with get_context("fork").Pool(processes, _share, (corpus, augmentation)) as pool:
        for variant, name in enumerate(names):
            store = Store(directory / name)
            for chunk in store.missing(clips):
                made = pool.map(partial(_window, variant=variant), chunk, 32)
                store.add([clip.sha for clip in chunk], np.stack(made))
                log.info("%s: windows of %d clips more", name, len(chunk))
            stores.append(store)
    return Windows(names, stores)


def seeded(clip: Clip, purpose: str) -> np.random.Generator:
    """A generator of random numbers that depends on the clip and the purpose only."""
    digest = hashlib.sha256(f"{SEED}{clip.sha}{purpose}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


_shared: tuple[Corpus, Augmentation]
"""What every process of a pool has by being forked, rather than with every task."""


def _share(corpus: Corpus, augmentation: Augmentation) -> None:
    global _shared
    _shared = corpus, augmentation


def _window(clip: Clip, *, variant: int) -> np.ndarray:
    corpus, augmentation = _shared
    generator = seeded(clip, f"window {variant}")
    length = round(corpus.seconds(clip) * SAMPLE_RATE)
    first = int(generator.integers(max(1, length - WINDOW_SAMPLES + 1)))
    samples = corpus.samples(clip, first, WINDOW_SAMPLES)
    if variant:
        samples = augmentation(samples, generator)[:WINDOW_SAMPLES]
    window = fit_window(samples)
    peak = max(float(np.abs(window).max()), SILENT)
    return np.round(window * (PEAK / peak)).astype(np.int16)
