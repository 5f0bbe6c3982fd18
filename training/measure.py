"""Tables for the model card."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from training.manifest import Clip
from veravox.detection.card import MetricTable
from veravox.evaluation import metrics

SMALLEST_GROUP = 5
HELD_OUT_SYSTEMS = "held-out repositories and systems, modern systems"
HELD_OUT_FAMILIES = "held-out modern families, clean"


def table(
    command: str, clips: Sequence[Clip], llrs: np.ndarray, *, groups: bool = True
) -> MetricTable:
    """Error rates over all clips, and BPCER per source and APCER per system at LLR 0."""
    spoof = np.array([clip.spoof for clip in clips])
    rows = {
        "all": {
            "n_bonafide": float((~spoof).sum()),
            "n_spoof": float(spoof.sum()),
            "eer": metrics.eer(llrs, spoof),
            "auc": metrics.auc(llrs, spoof),
            "cllr": metrics.cllr(llrs, spoof),
            "min_cllr": metrics.min_cllr(llrs, spoof),
            "bpcer": metrics.bpcer(llrs, spoof, 0.0),
            "apcer": metrics.apcer(llrs, spoof, 0.0),
        }
    }
    if groups:
        rows |= _by_group(clips, llrs)
    return MetricTable(
        command=command,
        rows={name: {k: round(v, 4) for k, v in row.items()} for name, row in rows.items()},
    )


def _by_group(clips: Sequence[Clip], llrs: np.ndarray) -> dict[str, dict[str, float]]:
    members: dict[tuple[bool, str], list[int]] = defaultdict(list)
    for index, clip in enumerate(clips):
        members[clip.spoof, clip.group].append(index)
    rows: dict[str, dict[str, float]] = {}
    for (spoof, name), indices in sorted(members.items()):
        if len(indices) < SMALLEST_GROUP:
            continue
        called = float(np.mean(llrs[indices] >= 0.0))
        if spoof:
            rows[f"system: {name}"] = {"n": float(len(indices)), "apcer": 1.0 - called}
        else:
            rows[f"source: {name}"] = {"n": float(len(indices)), "bpcer": called}
    return rows
