"""The selection signal: error on modern systems that a head has neither seen nor seen alike.

Repositories are dealt into folds. A head is fitted on all folds but one, without the systems and
speakers that also occur in the held-out one, and judged there: the fold's modern systems against
its bona fide speech, clean and augmented. Leaving out a whole family besides is harder still.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.features import Features
from training.heads import Head, HeadOptions, fit_heads, predict
from training.manifest import Clip
from training.systems import MODERN_FAMILIES, base_name, modern_family
from veravox.evaluation.metrics import eer

FOLDS = 5
UNDEALT = -1
HELD_OUT = 1
"""The fold that no fine-tuned view hears."""

KEPT_FROM_TUNING = frozenset((Path(__file__).parent / "data" / "held_out.txt").read_text().split())
"""The repositories of that fold: no fine-tuned view that shipped has heard them. They stay the same
when the list of recordings grows, so that a view can go on from the weights that shipped and errors
can be compared with those of before."""


@dataclass(frozen=True, slots=True)
class CrossValidation:
    """Held-out `logits`, a row for each example; the `heads` of each fold; `folds` by repository.

    `eer` and `eer_augmented`: means over folds of the EER on modern systems.
    """

    logits: np.ndarray
    heads: list[list[Head]]
    folds: dict[str, int]
    eer: float
    eer_augmented: float


def deal(clips: Sequence[Clip]) -> dict[str, int]:
    """A fold for each repository: the largest first, each to the fold with fewest clips so far.

    Repositories with spoofs and those with bona fide speech only are dealt separately, so that
    every fold has both. Fold `HELD_OUT` has the repositories kept from fine-tuning, and is
    dealt like the others where `clips` has none of them. What we synthesised is in no fold.
    """
    sizes = Counter(clip.repo for clip in clips if not clip.synthetic)
    with_spoof = {clip.repo for clip in clips if clip.spoof} & set(sizes)
    folds = dict.fromkeys(KEPT_FROM_TUNING & set(sizes), HELD_OUT)
    dealt = [fold for fold in range(FOLDS) if not folds or fold != HELD_OUT]
    for members in (with_spoof, set(sizes) - with_spoof):
        load = dict.fromkeys(dealt, 0)
        for repo in sorted(members - KEPT_FROM_TUNING, key=lambda r: (-sizes[r], r)):
            fold = min(load, key=lambda f: load[f])
            folds[repo] = fold
            load[fold] += sizes[repo]
    return folds


def cross_validate(
    features: Features,
    options: HeadOptions,
    count: int = 1,
    seed: int = 0,
    usable: Callable[[Clip], bool] | None = None,
) -> CrossValidation:
    """Fits `count` heads per fold, on the clips that are `usable`, and judges their mean."""
    clips = [example.clip for example in features.examples]
    augmented = np.array([example.variant > 0 for example in features.examples])
    spoof = np.array([clip.spoof for clip in clips])
    judged = np.array([not c.spoof or modern_family(c.system) is not None for c in clips])
    folds = deal(clips)
    fold = np.array([folds.get(clip.repo, UNDEALT) for clip in clips])
    allowed = np.array([usable is None or usable(clip) for clip in clips])
    logits = np.zeros(len(clips))
    heads: list[list[Head]] = []
    errors: list[list[float]] = []
    for held_out in range(FOLDS):
        outside = fold == held_out
        inside = np.flatnonzero(unrelated(clips, outside) & allowed)
        members = [clips[i] for i in inside]
        heads.append(fit_heads(features.values[inside], members, options, count, seed))
        logits[outside] = predict(heads[-1], features.values[outside], options)
        rows = [outside & judged & (augmented == changed) for changed in (False, True)]
        errors.append([eer(logits[row], spoof[row]) for row in rows])
    clean, changed = np.mean(errors, axis=0)
    return CrossValidation(logits, heads, folds, float(clean), float(changed))


def leave_family_out(
    features: Features, options: HeadOptions, directory: Path
) -> dict[str, np.ndarray]:
    """For each modern family the logits of heads that saw none of its systems.

    Each array has a row for each example, NaN where it is neither the family's nor bona fide. The
    repositories are held out as in `cross_validate`. Results are kept in `directory`.
    """
    described = repr((options, features.examples)).encode()
    path = directory / f"{hashlib.sha256(described).hexdigest()[:24]}.npz"
    if path.exists():
        return dict(np.load(path))
    clips = [example.clip for example in features.examples]
    family = np.array([modern_family(c.system) or "" if c.spoof else "" for c in clips])
    spoof = np.array([clip.spoof for clip in clips])
    folds = deal(clips)
    fold = np.array([folds.get(clip.repo, UNDEALT) for clip in clips])
    directory.mkdir(parents=True, exist_ok=True)
    results: dict[str, np.ndarray] = {}
    for name in MODERN_FAMILIES:
        logits = np.full(len(clips), np.nan)
        for held_out in range(FOLDS):
            outside = fold == held_out
            inside = np.flatnonzero(unrelated(clips, outside) & (family != name))
            members = [clips[i] for i in inside]
            wanted = outside & (~spoof | (family == name))
            fitted = fit_heads(features.values[inside], members, options, count=1)
            logits[wanted] = predict(fitted, features.values[wanted], options)
        results[name] = logits
    np.savez(path, **results)
    return results


def unrelated(clips: Sequence[Clip], held_out: np.ndarray) -> np.ndarray:
    """Which clips are not held out and share nothing with those that are."""
    outside = [clip for clip, out in zip(clips, held_out, strict=True) if out]
    return ~held_out & ~shares(clips, outside)


def shares(clips: Sequence[Clip], others: Sequence[Clip]) -> np.ndarray:
    """Which of `clips` share something with one of `others`.

    That is a modern system, a named speaker, or the recording that a clip is a copy of.
    """
    systems = {base_name(c.system) for c in others if c.spoof and modern_family(c.system)}
    speakers = {c.speaker for c in others if c.speaker}
    originals = {c.sha for c in others}
    return np.array(
        [
            (clip.spoof and base_name(clip.system) in systems)
            or clip.speaker in speakers
            or clip.pair in originals
            for clip in clips
        ]
    )


def heard(clips: Sequence[Clip]) -> np.ndarray:
    """Which of `clips` a fine-tuned view hears: none that is held out, nor what is related to it.

    Systems and speakers that are found mostly elsewhere do not count as held out: pages that show
    them too would keep them from the view everywhere. Neither are they judged there.
    """
    folds = deal(clips)
    outside = np.array([folds.get(clip.repo) == HELD_OUT for clip in clips])
    systems = _mostly_elsewhere([base_name(clip.system) for clip in clips], outside)
    speakers = _mostly_elsewhere([clip.speaker for clip in clips], outside)
    judged = [
        clip
        for clip, out in zip(clips, outside, strict=True)
        if out and base_name(clip.system) not in systems and clip.speaker not in speakers
    ]
    return ~outside & ~shares(clips, judged)


def unheard(clips: Sequence[Clip], chosen: Sequence[Clip]) -> list[Clip]:
    """Those of `clips` in the held-out fold that share nothing with what is heard of `chosen`."""
    known = [clip for clip, hears in zip(chosen, heard(chosen), strict=True) if hears]
    folds = deal(chosen)
    return [
        clip
        for clip, related in zip(clips, shares(clips, known), strict=True)
        if folds.get(clip.repo) == HELD_OUT and not related
    ]


def _mostly_elsewhere(names: Sequence[str], outside: np.ndarray) -> set[str]:
    """The names, but for the empty one, that are rarer among those `outside`."""
    within = Counter(name for name, out in zip(names, outside, strict=True) if out)
    total = Counter(names)
    return {name for name, count in within.items() if name and total[name] > 2 * count}
