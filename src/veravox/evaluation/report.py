"""The readable report of an evaluation, as Markdown."""

from collections.abc import Iterable, Mapping, Sequence

from veravox.evaluation.metrics import COST_FALSE_ACCEPT, COST_MISS, PI_SPOOF
from veravox.evaluation.summary import Row, Summary

PERCENT = ("eer", "accuracy", "bpcer", "apcer", "coverage", "selective_error")
MEANING = {
    "eer": "EER (ROC convex hull)",
    "auc": "AUC",
    "accuracy": "Accuracy at the threshold",
    "bpcer": "BPCER: bona fide called spoofed (false positives)",
    "apcer": "APCER: spoof called bona fide (false negatives)",
    "coverage": "Coverage: recordings with a verdict",
    "selective_error": "Selective error: wrong verdicts among those given",
    "cllr": "Cllr, bits",
    "min_cllr": "minCllr, bits",
    "min_dcf": "minDCF",
    "act_dcf": "actDCF",
}
BREAKDOWN_TITLES = {
    "system": "Systems",
    "family": "Families",
    "source": "Sources",
    "language": "Languages",
    "condition": "Conditions",
    "duration": "Durations",
}
PLOT_TITLES = {
    "histogram.png": "Score histograms",
    "det.png": "Detection error trade-off",
    "reliability.png": "Reliability",
    "systems.png": "APCER per system",
}
ROW_METRICS = ("eer", "auc", "accuracy", "bpcer", "apcer", "coverage", "selective_error")


def report(summary: Summary, plots: Sequence[str]) -> str:
    """The report on an evaluation whose plots lie beside it under the given file names."""
    parts = [
        _head(summary),
        _headline(summary),
        _NOTES,
        _undetermined(summary.undetermined),
        *(f"![{PLOT_TITLES[plot]}]({plot})" for plot in plots),
        *(_breakdown(name, rows) for name, rows in summary.breakdowns.items()),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


_NOTES = f"""\
Scores are log likelihood ratios, positive = spoof. EER, AUC, Cllr and the detection costs are over
every recording with a score; accuracy, BPCER and APCER force a decision on each of them at the
threshold. Detection costs follow ASVspoof 5: pi_spoof {PI_SPOOF}, Cmiss {COST_MISS:g} (bona fide
rejected), Cfa {COST_FALSE_ACCEPT:g} (spoof accepted). Intervals are 95 %, by a bootstrap over
systems and speakers. A system's or family's EER and AUC are against all bona fide recordings."""


def _head(summary: Summary) -> str:
    speed = (
        "n/a" if summary.real_time_factor is None else f"{summary.real_time_factor:.4f} x real time"
    )
    return (
        "# Evaluation\n\n"
        f"Model `{summary.model['id']}` (SHA-256 `{summary.model['sha256'][:16]}...`), "
        f"calibration `{summary.model['calibration']}`, "
        f"threshold {summary.threshold:g} on the spoof probability.\n\n"
        f"{summary.n_bonafide} bona fide and {summary.n_spoof} spoof recordings, of which "
        f"{summary.n_scored} were scored and {summary.n_decided} decided; "
        f"{summary.audio_seconds / 60:.1f} minutes of audio in {summary.wall_seconds:.1f} s with "
        f"{summary.workers} workers ({speed}), peak memory "
        f"{summary.peak_memory_bytes / 1_048_576:.0f} MB."
    )


def _headline(summary: Summary) -> str:
    values: dict[str, float | None] = {
        "eer": summary.eer,
        "auc": summary.auc,
        "accuracy": summary.accuracy,
        "bpcer": summary.bpcer,
        "apcer": summary.apcer,
        "coverage": summary.coverage,
        "selective_error": summary.selective_error,
        "cllr": summary.cllr,
        "min_cllr": summary.min_cllr,
        "min_dcf": summary.min_dcf,
        "act_dcf": summary.act_dcf,
    }
    return _table(
        ("", "value", "95 % interval"),
        ((MEANING[name], _number(name, v), _between(name, summary)) for name, v in values.items()),
    )


def _between(name: str, summary: Summary) -> str:
    bounds = summary.intervals[name]
    if bounds is None:
        return "n/a"
    return f"{_number(name, bounds[0])} to {_number(name, bounds[1])}"


def _undetermined(reasons: Mapping[str, int]) -> str:
    if not reasons:
        return ""
    ordered = sorted(reasons.items(), key=lambda item: -item[1])
    return "## Without a verdict\n\n" + _table(
        ("reason", "recordings"), ((reason, str(count)) for reason, count in ordered)
    )


def _breakdown(name: str, rows: Mapping[str, Row]) -> str:
    if not rows:
        return ""
    ordered = sorted(rows.items(), key=lambda item: -(item[1].eer or 0.0))
    return f"## {BREAKDOWN_TITLES[name]}\n\n" + _table(
        (name, "bona fide", "spoof", "scored", *(m.replace("_", " ") for m in ROW_METRICS)),
        ((key, *_row_cells(row)) for key, row in ordered),
    )


def _row_cells(row: Row) -> tuple[str, ...]:
    return (
        str(row.n_bonafide),
        str(row.n_spoof),
        str(row.n_scored),
        *(_number(metric, getattr(row, metric)) for metric in ROW_METRICS),
    )


def _number(name: str, value: float | None) -> str:
    if value is None:
        return ""
    return f"{100 * value:.1f} %" if name in PERCENT else f"{value:.3f}"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(_cell(text) for text in line) + " |" for line in lines)


def _cell(text: str) -> str:
    """Text that cannot break out of its cell or bring markup of its own."""
    escaped = text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
    return " ".join(escaped.split())
