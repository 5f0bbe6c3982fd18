"""From raw logits to everything that a model card says: calibration, decision constants, tables.

The affine calibration, the threshold and the indecision band come from the dev split and from
modern systems and bona fide sources of training, judged by what saw nothing related to them; file
fusion and tau_n, which need long recordings, from training recordings judged in the same way.
Fusion is fitted on LLRs that are calibrated on those very recordings: otherwise its term in the
number of windows, which all of them have in common, would repair their calibration instead.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.corpora import Corpus
from training.features import Example
from training.manifest import Clip
from training.measure import HELD_OUT_FAMILIES, HELD_OUT_SYSTEMS, table
from training.systems import modern_family
from veravox.detection.calibration import fit_calibration
from veravox.detection.card import (
    Calibration,
    FileFusion,
    IndecisionBand,
    MetricTable,
    PartialRule,
    QualityLimits,
    TrainingData,
)
from veravox.detection.fusion import file_llr, fit_fusion
from veravox.detection.thresholds import fit_band, fit_tau

BPCER = 0.05
"""Of bona fide recordings as they are, at the threshold."""

QUALITY = QualityLimits(net_speech=1.0, window_speech=0.5, snr_db=0.0, bandwidth_hz=2_000.0)
"""Training knows noise down to 5 dB and bands from 3.4 kHz up; the limits leave a margin."""


@dataclass(frozen=True, slots=True)
class Scored:
    """Recordings' labels, groups and raw logits, one array of windows a recording.

    A group is the system of a spoof or the source of bona fide speech.
    """

    spoof: list[bool]
    groups: list[str]
    logits: Sequence[np.ndarray]

    @classmethod
    def of(cls, clips: Sequence[Clip], logits: Sequence[np.ndarray]) -> "Scored":
        """With the labels and groups of `clips`, one for each recording."""
        return cls([clip.spoof for clip in clips], [clip.group for clip in clips], logits)

    def with_more(self, other: "Scored") -> "Scored":
        """These recordings and those of `other`."""
        return Scored(
            self.spoof + other.spoof,
            self.groups + other.groups,
            [*self.logits, *other.logits],
        )

    def calibrate(self) -> Calibration:
        """The affine map that fits the windows, each system and each source weighing the same.

        Else the pages that show most recordings would set the threshold.
        """
        counts = [len(row) for row in self.logits]
        spoof, groups = np.repeat(self.spoof, counts), np.repeat(self.groups, counts)
        sizes = Counter(zip(spoof, groups, strict=True))
        weights = [1.0 / sizes[member] for member in zip(spoof, groups, strict=True)]
        return fit_calibration(np.concatenate(self.logits).tolist(), spoof.tolist(), weights)

    def llrs(self, calibration: Calibration) -> list[list[float]]:
        """Calibrated window LLRs, a list for each recording."""
        return [(calibration.slope * row + calibration.intercept).tolist() for row in self.logits]


@dataclass(frozen=True, slots=True)
class Decision:
    """The constants that turn logits into a verdict.

    `equal_odds`: the LLR of `calibration` at which either class is as likely as the other.
    """

    calibration: Calibration
    equal_odds: float
    fusion: FileFusion
    band: IndecisionBand
    partial: PartialRule

    def lowered(self, balanced: Calibration) -> Calibration:
        """Another map to LLRs of equal odds, with its threshold as strict as this decision's."""
        return balanced.model_copy(update={"intercept": balanced.intercept + self.equal_odds})


def fit_decision(as_they_are: Scored, augmented: Scored, long: Scored, joined: Scored) -> Decision:
    """The constants, from recordings of dev and of the held-out part of training.

    `as_they_are`, `augmented`: both classes, for calibration, threshold and band; `long`:
    recordings of both classes, for fusion; `joined`: minutes of bona fide speech, for tau.
    """
    everything = as_they_are.with_more(augmented)
    fusion = fit_fusion(long.llrs(long.calibrate()), long.spoof)
    balanced = everything.calibrate()
    lowered = _highest_genuine(balanced, fusion, as_they_are)
    calibration = balanced.model_copy(update={"intercept": balanced.intercept - lowered})
    files = [file_llr(row, fusion) for row in everything.llrs(calibration)]
    bonafide = joined.llrs(calibration)
    return Decision(
        calibration=calibration,
        equal_odds=-lowered,
        fusion=fusion,
        band=fit_band(files, everything.spoof),
        partial=PartialRule(
            tau=fit_tau(bonafide),
            clearly_bonafide=min(0.0, float(np.median(np.concatenate(bonafide)))),
        ),
    )


def _highest_genuine(calibration: Calibration, fusion: FileFusion, recordings: Scored) -> float:
    """The LLR, 0 or more, above which `BPCER` of bona fide recordings lie.

    Those who run a detector pay for its false alarms.
    """
    rows = zip(recordings.llrs(calibration), recordings.spoof, strict=True)
    genuine = [file_llr(row, fusion) for row, spoof in rows if not spoof]
    return max(0.0, float(np.quantile(genuine, 1.0 - BPCER)))


def threshold_table(command: str, decision: Decision) -> dict[str, MetricTable]:
    """Where the threshold lies: LLRs of the card are lowered for the sake of few false alarms."""
    rows = {"all": {"bpcer_aimed_at": BPCER, "llr_of_equal_odds": round(decision.equal_odds, 4)}}
    return {"threshold": MetricTable(command=command, rows=rows)}


def dev_tables(
    command: str, clips: Sequence[Clip], dev: Scored, dev_augmented: Scored, decision: Decision
) -> dict[str, MetricTable]:
    """Error rates on whole dev recordings, and on one augmented window of each."""

    def files(scored: Scored) -> np.ndarray:
        rows = scored.llrs(decision.calibration)
        return np.array([file_llr(row, decision.fusion) for row in rows])

    return {
        "dev, whole files": table(
            command, clips, files(dev), windows=[len(row) for row in dev.logits]
        ),
        "dev, augmented": table(command, clips, files(dev_augmented), groups=False),
    }


@dataclass(frozen=True, slots=True)
class Unseen:
    """Training windows and the raw logits of what saw nothing related to them, (n,)."""

    examples: Sequence[Example]
    logits: np.ndarray

    def judged(self, *, augmented: bool) -> Scored:
        """Those of modern systems and of bona fide speech, as they are or through a channel."""
        rows = [
            i
            for i, example in enumerate(self.examples)
            if _judged(example.clip) and (example.variant > 0) is augmented
        ]
        clips = [self.examples[i].clip for i in rows]
        return Scored.of(clips, [self.logits[i : i + 1] for i in rows])


def _judged(clip: Clip) -> bool:
    return not clip.synthetic and (not clip.spoof or modern_family(clip.system) is not None)


def held_out_tables(
    command: str, unseen: Unseen, calibration: Calibration, *notes: str
) -> dict[str, MetricTable]:
    """Tables over training windows as they are and augmented; `notes` end their titles."""
    clips = np.array([example.clip for example in unseen.examples], dtype=object)
    augmented = np.array([example.variant > 0 for example in unseen.examples])
    judged = np.array([_judged(clip) for clip in clips])
    llrs = calibration.slope * unseen.logits + calibration.intercept
    tables: dict[str, MetricTable] = {}
    for name, changed in (("clean", False), ("augmented", True)):
        rows = judged & (augmented == changed)
        tables[", ".join((HELD_OUT_SYSTEMS, name, *notes))] = table(
            command, list(clips[rows]), llrs[rows], groups=not changed
        )
    return tables


def family_table(
    command: str,
    examples: Sequence[Example],
    by_family: dict[str, np.ndarray],
    calibration: Calibration,
) -> dict[str, MetricTable]:
    """Each modern family judged by heads that saw none of its systems; rows as `examples`."""
    clips = np.array([example.clip for example in examples], dtype=object)
    augmented = np.array([example.variant > 0 for example in examples])
    families: dict[str, dict[str, float]] = {}
    for family, logits in by_family.items():
        rows = ~np.isnan(logits) & ~augmented
        llrs = calibration.slope * logits[rows] + calibration.intercept
        families[f"family: {family}"] = table(command, list(clips[rows]), llrs, groups=False).rows[
            "all"
        ]
    return {HELD_OUT_FAMILIES: MetricTable(command=command, rows=families)}


def training_data(manifests: Sequence[Path], clips: Sequence[Clip], corpus: Corpus) -> TrainingData:
    """The hash of the manifests, and what was taken from them and from synthetic sets."""
    hours = {
        spoof: sum(corpus.seconds(c) for c in clips if c.spoof is spoof) / 3600
        for spoof in (False, True)
    }
    systems = {clip.system for clip in clips if clip.spoof}
    sources = {clip.repo for clip in clips if not clip.spoof}
    own = {clip.system for clip in clips if clip.synthetic and clip.spoof}
    return TrainingData(
        sha256=hashlib.sha256(b"".join(path.read_bytes() for path in manifests)).hexdigest(),
        summary=f"one window of 5 s, as it is and augmented, of each of {len(clips)} clips: "
        f"bona fide from {len(sources)} sources ({hours[False]:.1f} h of recordings), "
        f"spoof by {len(systems)} systems ({hours[True]:.1f} h), {len(own)} of them run here",
    )
