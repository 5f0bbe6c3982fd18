"""Tables for the model card, with 95 % intervals as `<metric>_low` and `<metric>_high`."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from training.manifest import Clip
from training.systems import family
from veravox.detection.card import MetricTable
from veravox.evaluation import metrics
from veravox.evaluation.bootstrap import interval, resamples

SMALLEST_GROUP = 5
REPLICATES = 200
HELD_OUT_SYSTEMS = "held-out repositories and systems, modern systems"
FROZEN_ALONE = "the frozen view alone"
HELD_OUT_FAMILIES = f"held-out modern families, clean, {FROZEN_ALONE}"
WITH_INTERVALS = ("eer", "cllr", "bpcer", "apcer")
DURATIONS = ((1, "under 6 s"), (2, "6 to 11 s"), (6, "11 to 31 s"), (12, "31 to 61 s"))
LONGEST = "61 s and more"
"""So long is a recording of at most so many windows, as serving cuts them."""


def table(
    command: str,
    clips: Sequence[Clip],
    llrs: np.ndarray,
    *,
    groups: bool = True,
    windows: Sequence[int] | None = None,
) -> MetricTable:
    """Error rates at LLR 0 over all clips and, with `groups`, of each system, source and family.

    `windows`: how many each clip has, for rows by duration. A family's EER is against all bona
    fide clips.
    """
    spoof = np.array([clip.spoof for clip in clips], dtype=np.bool_)
    rows = {"all": _both_classes(clips, llrs, spoof)}
    if groups:
        rows |= _by_group(clips, llrs) | _by_family(clips, llrs, spoof)
    if windows is not None:
        rows |= _by_duration(clips, llrs, spoof, windows)
    return MetricTable(
        command=command,
        rows={name: {k: round(v, 4) for k, v in row.items()} for name, row in rows.items()},
    )


def _both_classes(clips: Sequence[Clip], llrs: np.ndarray, spoof: np.ndarray) -> dict[str, float]:
    measured = {
        "eer": metrics.eer,
        "auc": metrics.auc,
        "cllr": metrics.cllr,
        "min_cllr": metrics.min_cllr,
        "bpcer": lambda scores, labels: metrics.bpcer(scores, labels, 0.0),
        "apcer": lambda scores, labels: metrics.apcer(scores, labels, 0.0),
    }
    samples = resamples(
        [clip.group for clip in clips], [_speaker(clip) for clip in clips], spoof, REPLICATES
    )
    row = {"n_bonafide": float((~spoof).sum()), "n_spoof": float(spoof.sum())}
    for name, metric in measured.items():
        row[name] = metric(llrs, spoof)
        bounds = interval(metric, llrs, spoof, samples) if name in WITH_INTERVALS else None
        if bounds is not None:
            row[f"{name}_low"], row[f"{name}_high"] = bounds
    return row


def _by_group(clips: Sequence[Clip], llrs: np.ndarray) -> dict[str, dict[str, float]]:
    members: dict[tuple[bool, str], list[int]] = defaultdict(list)
    for index, clip in enumerate(clips):
        members[clip.spoof, clip.group].append(index)
    rows: dict[str, dict[str, float]] = {}
    for (spoof, name), indices in sorted(members.items()):
        if len(indices) < SMALLEST_GROUP:
            continue
        kind, metric = ("system", "apcer") if spoof else ("source", "bpcer")
        wrong = (llrs[indices] >= 0.0) != spoof
        low, high = _share_interval(wrong, [_speaker(clips[i]) for i in indices])
        rows[f"{kind}: {name}"] = {
            "n": float(len(indices)),
            metric: float(wrong.mean()),
            f"{metric}_low": low,
            f"{metric}_high": high,
        }
    return rows


def _by_family(
    clips: Sequence[Clip], llrs: np.ndarray, spoof: np.ndarray
) -> dict[str, dict[str, float]]:
    names = np.array([(family(c.system) or c.family) if c.spoof else "" for c in clips])
    rows: dict[str, dict[str, float]] = {}
    for name in sorted(set(names) - {""}):
        chosen = np.flatnonzero((names == name) | ~spoof)
        if (names == name).sum() >= SMALLEST_GROUP and not spoof.all():
            row = _both_classes([clips[i] for i in chosen], llrs[chosen], spoof[chosen])
            rows[f"family: {name}"] = {k: v for k, v in row.items() if "cllr" not in k}
    return rows


def _by_duration(
    clips: Sequence[Clip], llrs: np.ndarray, spoof: np.ndarray, windows: Sequence[int]
) -> dict[str, dict[str, float]]:
    names = np.array([_duration(count) for count in windows])
    rows: dict[str, dict[str, float]] = {}
    for name in [label for _, label in DURATIONS] + [LONGEST]:
        chosen = np.flatnonzero(names == name)
        if 0 < spoof[chosen].sum() < chosen.size:
            row = _both_classes([clips[i] for i in chosen], llrs[chosen], spoof[chosen])
            rows[f"duration: {name}"] = row
    return rows


def _duration(windows: int) -> str:
    return next((name for most, name in DURATIONS if windows <= most), LONGEST)


def _speaker(clip: Clip) -> str:
    """The speaker, where named; else the clip stands for itself."""
    return f"{clip.repo}/{clip.speaker}" if clip.speaker else clip.sha


def _share_interval(wrong: np.ndarray, speakers: Sequence[str]) -> tuple[float, float]:
    """95 % interval of the share of `wrong`, by a bootstrap over speakers."""
    names, place = np.unique(list(speakers), return_inverse=True)
    seed = hashlib.sha256("".join(names).encode()).digest()[:8]
    generator = np.random.default_rng(int.from_bytes(seed, "big"))
    counts = generator.multinomial(
        names.size, np.full(names.size, 1.0 / names.size), size=REPLICATES
    )
    weights = counts[:, place]
    low, high = np.percentile(weights @ wrong / weights.sum(axis=1), (2.5, 97.5))
    return float(low), float(high)
