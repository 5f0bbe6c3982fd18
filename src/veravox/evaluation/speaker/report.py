"""The report on an evaluation of voices, as Markdown, and its plot."""

# matplotlib's stubs leave **kwargs untyped, which makes every drawing method "partially unknown".
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from scipy.stats import norm

from veravox.evaluation.metrics import det_curve, eer
from veravox.evaluation.speaker.summary import genuine_scores
from veravox.evaluation.speaker.trials import Judged, SpeakerTrial

DET_FILE = "det.png"
TICKS = (0.001, 0.01, 0.05, 0.1, 0.2, 0.4)
DOTS_PER_INCH = 120
PERCENT = ("eer", "fmr", "fnmr")
MEANING = {
    "eer": "EER (ROC convex hull)",
    "fmr": "FMR: another speaker matched, at the frozen threshold",
    "fnmr": "FNMR: the same speaker not matched, at the frozen threshold",
    "min_dcf": "minDCF (P(target) 0.01, costs 1)",
    "cllr": "Cllr, bits",
    "min_cllr": "minCllr, bits",
    "a_dcf": "a-DCF of the joint decision",
    "a_dcf_without_spoof_check": "a-DCF of the speaker comparison alone",
}
TITLES = {"test_speech": "Speech in the test", "condition": "Conditions"}
COLUMNS = ("eer", "fmr", "fnmr", "min_dcf", "cllr")


def report(metrics: Mapping[str, Any], plots: Sequence[str]) -> str:
    """The report on metrics.json; the plots lie beside it under the given file names."""
    parts = [
        _head(metrics),
        _table(("", "value"), ((text, _cell(name, metrics)) for name, text in MEANING.items())),
        "EER, minDCF, Cllr, FMR and FNMR are over genuine recordings; the a-DCF counts every "
        "accepted spoof as well, at the costs of Shim et al. (2024).",
        *(f"![Detection error trade-off]({plot})" for plot in plots),
        "## Decisions\n\n" + _decisions(metrics["decisions"]),
        *(_breakdown(TITLES[name], rows) for name, rows in metrics["breakdowns"].items()),
        _unusable(metrics["unusable"]),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def write_det(folder: Path, trials: Sequence[SpeakerTrial], judged: Sequence[Judged]) -> list[str]:
    """Draws the trade-off between FMR and FNMR if there are both kinds of trials; file names."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    llrs, target = genuine_scores(list(zip(trials, judged, strict=True)))
    if not target.any() or target.all():
        return []
    rates = det_curve(llrs, target)
    low, high = norm.ppf(TICKS[0] / 2), norm.ppf(0.5)
    figure = Figure(figsize=(6.0, 6.0), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.plot(
        norm.ppf(rates.bpcer).clip(low, high),
        norm.ppf(rates.apcer).clip(low, high),
        drawstyle="steps-post",
    )
    axes.plot([low, high], [low, high], color="grey", linewidth=0.5)
    labels = [f"{100 * tick:g}" for tick in TICKS]
    axes.set_xticks(norm.ppf(TICKS), labels)
    axes.set_yticks(norm.ppf(TICKS), labels)
    axes.set(
        xlabel="FMR, %",
        ylabel="FNMR, %",
        title=f"Detection error trade-off, EER {100 * eer(llrs, target):.1f} %",
    )
    axes.grid(linewidth=0.3)
    figure.savefig(folder / DET_FILE, dpi=DOTS_PER_INCH)
    return [DET_FILE]


def _head(metrics: Mapping[str, Any]) -> str:
    model = metrics["model"]
    return (
        "# Evaluation of voices\n\n"
        f"Encoder `{model['id']}` (SHA-256 `{model['sha256'][:16]}...`), LLR threshold "
        f"{metrics['threshold']:.3f}, frozen at a rate of false matches of "
        f"{100 * metrics['false_match_rate_aimed_at']:g} %.\n\n"
        f"{metrics['n_target']} target, {metrics['n_nontarget']} non-target and "
        f"{metrics['n_spoof']} spoof trials."
    )


def _decisions(decisions: Mapping[str, Mapping[str, int]]) -> str:
    names = sorted({name for taken in decisions.values() for name in taken})
    rows = (
        (label, *(str(taken.get(name, 0)) for name in names)) for label, taken in decisions.items()
    )
    return _table(("label", *names), rows)


def _breakdown(title: str, rows: Mapping[str, Mapping[str, Any]]) -> str:
    header = (title.lower(), "target", "non-target", *(c.replace("_", " ") for c in COLUMNS))
    cells = (
        (
            _plain(key),
            str(row["n_target"]),
            str(row["n_nontarget"]),
            *(_cell(name, row) for name in COLUMNS),
        )
        for key, row in rows.items()
    )
    return f"## {title}\n\n" + _table(header, cells)


def _unusable(reasons: Mapping[str, int]) -> str:
    if not reasons:
        return ""
    rows = ((_plain(reason), str(count)) for reason, count in reasons.items())
    return "## Not usable\n\n" + _table(("reason", "trials"), rows)


def _cell(name: str, values: Mapping[str, Any]) -> str:
    value = values[name]
    if value is None:
        return "n/a"
    return f"{100 * value:.2f} %" if name in PERCENT else f"{value:.3f}"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _plain(text: str) -> str:
    """Text that cannot break out of its cell or bring markup of its own."""
    return " ".join(text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").split())
