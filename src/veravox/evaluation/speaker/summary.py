"""All numbers of an evaluation of voices.

EER, minDCF, Cllr, FMR and FNMR are over the trials of genuine recordings that have a score; the
a-DCF is over the joint decisions on all trials. A number is None where the trials lack a class
that it needs.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from veravox.evaluation.metrics import Labels, MissingClass, Scores, cllr, eer, min_cllr
from veravox.evaluation.speaker.metrics import (
    a_dcf,
    false_match_rate,
    false_non_match_rate,
    min_dcf,
)
from veravox.evaluation.speaker.trials import LABELS, Judged, SpeakerTrial, Terms

BLANK = "unspecified"
SPEECH_BUCKETS = ((2.0, "under 2 s"), (4.0, "2-4 s"), (8.0, "4-8 s"))
LONGEST_BUCKET = "8 s and more"

Pair = tuple[SpeakerTrial, Judged]


def summarise(
    trials: Sequence[SpeakerTrial], judged: Sequence[Judged], terms: Terms
) -> dict[str, Any]:
    """The content of metrics.json. Rates are 0..1, Cllr in bits, thresholds LLRs."""
    pairs = list(zip(trials, judged, strict=True))
    unusable = Counter(j.reason or BLANK for j in judged if j.llr is None)
    return {
        **_numbers(pairs, terms.threshold),
        "a_dcf": _joint_cost([j.accepted for j in judged], trials),
        "a_dcf_without_spoof_check": _joint_cost(
            [j.llr is not None and j.llr >= terms.threshold for j in judged], trials
        ),
        "decisions": _decisions(pairs),
        "breakdowns": {
            "test_speech": _table(pairs, lambda pair: _bucket(pair[1]), terms.threshold),
            "condition": _table(pairs, lambda pair: pair[0].condition or BLANK, terms.threshold),
        },
        "unusable": dict(unusable),
        "model": {"id": terms.model_id, "sha256": terms.model_sha256},
        "threshold": terms.threshold,
        "false_match_rate_aimed_at": terms.false_match_rate,
    }


def genuine_scores(pairs: Sequence[Pair]) -> tuple[Scores, Labels]:
    """LLRs of the scored trials that are no spoofs, and which of them are targets."""
    scored = [(j.llr, t.label == "target") for t, j in pairs if t.label != "spoof"]
    known = [(llr, target) for llr, target in scored if llr is not None]
    llrs = np.array([llr for llr, _ in known], dtype=np.float64)
    return llrs, np.array([target for _, target in known], dtype=np.bool_)


def _numbers(pairs: Sequence[Pair], threshold: float) -> dict[str, Any]:
    llrs, target = genuine_scores(pairs)
    metrics = {
        "eer": eer,
        "min_dcf": min_dcf,
        "cllr": cllr,
        "min_cllr": min_cllr,
        "fmr": partial(false_match_rate, threshold=threshold),
        "fnmr": partial(false_non_match_rate, threshold=threshold),
    }
    counts = Counter(trial.label for trial, _ in pairs)
    return {name: _value(metric, llrs, target) for name, metric in metrics.items()} | {
        f"n_{label}": counts[label] for label in LABELS
    }


def _decisions(pairs: Sequence[Pair]) -> dict[str, dict[str, int]]:
    """How often each decision was taken, by label."""
    taken: dict[str, Counter[str]] = {label: Counter() for label in LABELS}
    for trial, judged in pairs:
        taken[trial.label][judged.decision or "unusable"] += 1
    return {label: dict(counter) for label, counter in taken.items()}


def _table(
    pairs: Sequence[Pair], name: Callable[[Pair], str], threshold: float
) -> dict[str, dict[str, Any]]:
    groups: defaultdict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        groups[name(pair)].append(pair)
    return {key: _numbers(groups[key], threshold) for key in sorted(groups)}


def _joint_cost(accepted: Sequence[bool], trials: Sequence[SpeakerTrial]) -> float | None:
    labels = np.array([trial.label for trial in trials])
    try:
        return a_dcf(np.array(accepted, np.bool_), labels == "target", labels == "spoof")
    except MissingClass:
        return None


def _value(metric: Callable[[Scores, Labels], float], llrs: Scores, target: Labels) -> float | None:
    try:
        return metric(llrs, target)
    except MissingClass:
        return None


def _bucket(judged: Judged) -> str:
    if judged.net_speech is None:
        return BLANK
    seconds = judged.net_speech
    return next((name for limit, name in SPEECH_BUCKETS if seconds < limit), LONGEST_BUCKET)
