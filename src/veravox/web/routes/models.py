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
}

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class ShownTable:
    """A table of measurements: `summary` is its row on everything, if it has one."""

    title: str
    command: str
    summary: Mapping[str, float] | None
    columns: tuple[str, ...]
    rows: Mapping[str, Mapping[str, float]]


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
        headings=HEADINGS,
        encoder_tables=[]
        if encoder is None
        else [_table(title, m.command, m.rows) for title, m in encoder.metrics.items()],
    )


def _table(title: str, command: str, rows: Mapping[str, Mapping[str, float]]) -> ShownTable:
    columns = tuple(dict.fromkeys(name for row in rows.values() for name in row))
    return ShownTable(title, command, rows.get(SUMMARY_ROW), columns, rows)
