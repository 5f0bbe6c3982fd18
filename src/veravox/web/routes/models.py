"""The cards of the installed models."""

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import Response

from veravox.detection.models import DEFAULT_ALIAS
from veravox.http.services import Services
from veravox.web.view import view
from veravox.web.visitors import visitor

SUMMARY_ROW = "all"
KIND_ENDS = ": "
LOW, HIGH = "_low", "_high"
COUNTS = ("n", "n_bonafide", "n_spoof", "targets", "nontargets")
RATES = (
    *("eer", "eer_same_session", "eer_cross_session", "apcer", "bpcer", "fmr", "fnmr"),
    *("named", "wrongly_named", "accuracy_if_always_named"),
)
HEADINGS = {
    "n": "Number",
    "n_bonafide": "Genuine",
    "n_spoof": "Synthetic",
    "eer": "EER",
    "auc": "AUC",
    "cllr": "Cllr",
    "min_cllr": "Lowest Cllr",
    "bpcer": "BPCER",
    "apcer": "APCER",
    "named": "Named",
    "wrongly_named": "Wrongly named",
    "accuracy_if_always_named": "Right if always named",
    "min_dcf": "Lowest DCF",
    "fmr": "False matches",
    "fnmr": "False non-matches",
    "targets": "Same voice",
    "nontargets": "Other voice",
    "eer_same_session": "EER, same session",
    "eer_cross_session": "EER, other session",
}

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class ShownRows:
    """Rows of a kind, such as all sources, and the columns that any of them fills."""

    kind: str
    columns: tuple[str, ...]
    rows: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class ShownTable:
    """A table of measurements: `eer` is its equal error rate on everything, if it has one."""

    title: str
    command: str
    eer: str | None
    parts: tuple[ShownRows, ...]


@router.get("/models")
async def models_page(request: Request) -> Response:
    """What the models are, what they learned from, and how often they err."""
    found = await visitor(request)
    services = Services.of(request.scope)
    cards = services.analyser.models.cards()
    cards.sort(key=lambda card: DEFAULT_ALIAS not in card.aliases)
    encoder = services.voiceprints.card
    return view(
        request,
        found,
        "models.html",
        "models",
        cards=[
            (card, [_table(t, m.command, m.rows) for t, m in card.metrics.items()])
            for card in cards
        ],
        encoder=encoder,
        encoder_tables=[]
        if encoder is None
        else [_table(title, m.command, m.rows) for title, m in encoder.metrics.items()],
    )


def _table(title: str, command: str, rows: Mapping[str, Mapping[str, float]]) -> ShownTable:
    """Rows are named `kind: name`, such as `system: FastDiff`, or are on everything."""
    kinds: dict[str, dict[str, Mapping[str, str]]] = {}
    for label, row in rows.items():
        kind, _, name = label.rpartition(KIND_ENDS)
        kinds.setdefault(kind, {})[name] = _shown(row)
    parts = (_part(kind, of_kind) for kind, of_kind in kinds.items())
    eer = rows.get(SUMMARY_ROW, {}).get("eer")
    return ShownTable(title, command, None if eer is None else _number("eer", eer), tuple(parts))


def _part(kind: str, rows: Mapping[str, Mapping[str, str]]) -> ShownRows:
    columns = tuple(dict.fromkeys(name for row in rows.values() for name in row))
    return ShownRows(kind.capitalize() or "Recordings", columns, rows)


def _shown(row: Mapping[str, float]) -> dict[str, str]:
    """A row for people: by heading, each number with its 95 % interval where that is known."""
    shown: dict[str, str] = {}
    for name, value in row.items():
        if name.endswith((LOW, HIGH)):
            continue
        text = _number(name, value)
        low, high = row.get(name + LOW), row.get(name + HIGH)
        if low is not None and high is not None:
            text += f" ({_number(name, low)} to {_number(name, high)})"
        shown[HEADINGS.get(name, name)] = text
    return shown


def _number(name: str, value: float) -> str:
    if name in COUNTS:
        return f"{value:.0f}"
    return f"{value * 100:.1f} %" if name in RATES else f"{value:.3g}"
