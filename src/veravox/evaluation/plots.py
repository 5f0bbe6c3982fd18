"""The pictures of an evaluation, as PNG files.

matplotlib is imported when something is drawn, so that nobody else pays for it, and used through
its Figure class alone: no global state, no display.
"""

# matplotlib's stubs leave **kwargs untyped, which makes every drawing method "partially unknown".
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import norm

from veravox.detection.calibration import threshold_llr
from veravox.evaluation.metrics import Labels, Scores, det_curve, eer
from veravox.evaluation.summary import Summary
from veravox.evaluation.trials import Trial

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DET_TICKS = (0.001, 0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 0.99, 0.999)
RELIABILITY_BINS = 10
HISTOGRAM_BINS = 40
MAXIMUM_BARS = 60
INCHES_PER_BAR = 0.22
DOTS_PER_INCH = 120


def write_plots(folder: Path, trials: Sequence[Trial], summary: Summary) -> list[str]:
    """Draws what the scored recordings allow and returns the file names.

    Score histograms always; DET and reliability with both classes; bars with spoofs.
    """
    scored = [trial for trial in trials if trial.scored.spoof_llr is not None]
    llrs = np.array([trial.scored.spoof_llr for trial in scored], dtype=np.float64)
    probabilities = np.array([trial.scored.spoof_probability for trial in scored], np.float64)
    spoof = np.array([trial.recording.spoof for trial in scored], dtype=np.bool_)
    drawings: dict[str, Callable[[Axes], None]] = {}
    if scored:
        drawings["histogram.png"] = lambda axes: _histogram(axes, llrs, spoof, summary.threshold)
    if spoof.any() and not spoof.all():
        drawings["det.png"] = lambda axes: _det(axes, llrs, spoof)
        drawings["reliability.png"] = lambda axes: _reliability(axes, probabilities, spoof)
    bars = _worst_systems(summary)
    if bars:
        drawings["systems.png"] = lambda axes: _systems(axes, bars)
    heights = {"systems.png": 1.2 + INCHES_PER_BAR * len(bars)}
    for name, draw in drawings.items():
        _save(folder / name, draw, heights.get(name, 5.0))
    return list(drawings)


def _save(path: Path, draw: Callable[[Axes], None], height: float) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.0, height), layout="constrained")
    FigureCanvasAgg(figure)
    draw(figure.add_subplot())
    figure.savefig(path, dpi=DOTS_PER_INCH)


def _histogram(axes: Axes, llrs: Scores, spoof: Labels, threshold: float) -> None:
    edges = np.histogram_bin_edges(llrs, HISTOGRAM_BINS).tolist()
    for label, chosen in (("bona fide", ~spoof), ("spoof", spoof)):
        axes.hist(llrs[chosen], bins=edges, alpha=0.6, label=f"{label} ({chosen.sum()})")
    if 0.0 < threshold < 1.0:
        axes.axvline(threshold_llr(threshold), color="black", linestyle="--", label="threshold")
    axes.set(xlabel="spoof LLR", ylabel="recordings", title="Scores")
    axes.legend(loc="upper right")


def _det(axes: Axes, llrs: Scores, spoof: Labels) -> None:
    rates = det_curve(llrs, spoof)
    low, high = norm.ppf(DET_TICKS[0]), norm.ppf(DET_TICKS[-1])
    axes.plot(
        norm.ppf(rates.bpcer).clip(low, high),
        norm.ppf(rates.apcer).clip(low, high),
        drawstyle="steps-post",
    )
    axes.plot([low, high], [low, high], color="grey", linewidth=0.5)
    ticks = norm.ppf(DET_TICKS)
    labels = [f"{100 * tick:g}" for tick in DET_TICKS]
    axes.set_xticks(ticks, labels)
    axes.set_yticks(ticks, labels)
    axes.set(
        xlabel="BPCER, % (bona fide called spoofed)",
        ylabel="APCER, % (spoof called bona fide)",
        title=f"Detection error trade-off, EER {100 * eer(llrs, spoof):.1f} %",
    )
    axes.grid(linewidth=0.3)


def _reliability(axes: Axes, probabilities: Scores, spoof: Labels) -> None:
    """Stated against observed probability, with both classes weighing the same (prior 0.5)."""
    bins = np.minimum((probabilities * RELIABILITY_BINS).astype(np.intp), RELIABILITY_BINS - 1)
    weights: Scores = np.where(spoof, 0.5 / np.count_nonzero(spoof), 0.5 / np.count_nonzero(~spoof))
    total = np.bincount(bins, weights, RELIABILITY_BINS)
    stated = np.bincount(bins, weights * probabilities, RELIABILITY_BINS)
    observed = np.bincount(bins, weights * spoof, RELIABILITY_BINS)
    used = total > 0
    axes.plot([0, 1], [0, 1], color="grey", linewidth=0.5)
    axes.plot(stated[used] / total[used], observed[used] / total[used], marker="o")
    axes.bar(
        (np.arange(RELIABILITY_BINS) + 0.5) / RELIABILITY_BINS,
        total,
        width=0.9 / RELIABILITY_BINS,
        alpha=0.2,
        label="share of recordings",
    )
    axes.set(
        xlabel="stated spoof probability",
        ylabel="observed share of spoofs",
        title="Reliability, classes weighted equally",
        xlim=(0, 1),
        ylim=(0, 1),
    )
    axes.legend(loc="upper left")


def _worst_systems(summary: Summary) -> list[tuple[str, float]]:
    """Systems and their APCER, the most accepted last, as bars are drawn upwards."""
    rows = [
        (system, row.apcer)
        for system, row in summary.breakdowns["system"].items()
        if row.apcer is not None
    ]
    return sorted(rows, key=lambda row: row[1])[-MAXIMUM_BARS:]


def _systems(axes: Axes, bars: list[tuple[str, float]]) -> None:
    axes.barh([_plain(name) for name, _ in bars], [100 * value for _, value in bars])
    axes.set(
        xlabel="APCER at the frozen threshold, %",
        title="Spoofs called bona fide, per system (worst first)",
        xlim=(0, 100),
    )
    axes.margins(y=0.01)


def _plain(name: str) -> str:
    """A name that matplotlib draws as it is: dollar signs would begin a formula."""
    return name.replace("$", r"\$")
