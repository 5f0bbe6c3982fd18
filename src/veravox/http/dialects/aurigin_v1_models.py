"""The installed models and their cards, beside Aurigin's API, version 1."""

from datetime import date
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel

from veravox.detection.card import ModelCard
from veravox.errors import NotFound, UnknownModel
from veravox.http.openapi import KEY_SECURITY, answers
from veravox.http.problems import ProblemBody, documented
from veravox.http.services import Services

router = APIRouter(prefix="/v1/models", tags=["Models"])


class ModelSummary(BaseModel):
    """An installed model; `calibration` is `model`, or the id of the operator's own."""

    id: str
    aliases: list[str]
    created: date
    description: str
    sha256: str
    threshold: float
    calibration: str


class ModelsBody(BaseModel):
    """The installed models, by id."""

    models: list[ModelSummary]


_ERRORS = {
    401: ("The key is missing, unknown, revoked or expired.", "Invalid or inactive API key"),
    429: ("A limit of the plan is reached.", "Rate limit exceeded: 10/10 per minute"),
    500: ("A bug.", "Internal server error"),
}
_NOT_FOUND = {404: ("There is no such model.", "Unknown model 'nope'; choose one of stable")}
_HASH = "5c0c43ac1a2e4b0a9a3c9f6be2f6ad6f0e4f4d9be8a2d8b7a4d6f3c2b1a09f8e"
_SUMMARY: dict[str, Any] = {
    "id": "whisper-tiny-views-2026-12",
    "aliases": ["stable", "stable-latest"],
    "created": "2026-11-21",
    "description": "Two views of the lower layers of Whisper tiny.en (MIT), frozen and fine-tuned.",
    "sha256": _HASH,
    "threshold": 0.5,
}
_ROW = {
    "n_bonafide": 219.0,
    "n_spoof": 241.0,
    "eer": 0.091,
    "eer_low": 0.034,
    "eer_high": 0.134,
}
_CARD_EXAMPLE = {
    **_SUMMARY,
    "command": "python -m training.build --manifest MANIFEST ...",
    "data": {"sha256": _HASH, "summary": "one window of 5 s of each of 9302 clips ..."},
    "calibration": {"slope": 0.92, "intercept": -0.11},
    "fusion": {
        "top_fifth": 0.1,
        "minimum": 0.2,
        "deviation": 0.0,
        "log_count": 0.1,
    },
    "band": {"low": -0.7, "high": 0.7},
    "partial": {"tau": [[1, 2.1], [2, 2.6]], "clearly_bonafide": -1.2},
    "quality": {"net_speech": 1.0, "window_speech": 0.5, "snr_db": 0.0, "bandwidth_hz": 2000.0},
    "metrics": {
        "dev, whole files": {
            "command": "python -m training.build --manifest MANIFEST ...",
            "rows": {
                "all": _ROW,
                "system: vits": {"n": 20.0, "apcer": 0.1, "apcer_low": 0.0, "apcer_high": 0.25},
            },
        }
    },
    "known_failures": ["Speech that a neural codec has compressed and restored looks suspicious."],
    "site": None,
}

_LIST_ANSWERS = answers(
    {"models": [{**_SUMMARY, "calibration": "model"}]}, ProblemBody, documented(_ERRORS)
)
_CARD_ANSWERS = answers(_CARD_EXAMPLE, ProblemBody, documented(_ERRORS | _NOT_FOUND))


@router.get(
    "",
    summary="List the installed models",
    responses=_LIST_ANSWERS,
    openapi_extra={"security": KEY_SECURITY},
)
async def list_models(request: Request) -> ModelsBody:
    """By id; `aliases` are the other names that `model` may be given as."""
    registry = Services.of(request.scope).analyser.models
    return ModelsBody(models=[_summary(card) for card in registry.cards()])


@router.get(
    "/{model_id}",
    summary="Read a model's card",
    responses=_CARD_ANSWERS,
    openapi_extra={"security": KEY_SECURITY},
)
async def get_model(request: Request, model_id: str) -> ModelCard:
    """Data, calibration, threshold, known failures and every measured table, by id or alias.

    `site` names the operator's own calibration where one is in force; calibration, threshold,
    band and partial rule are then its, while the tables were measured with the model's own.
    """
    try:
        return Services.of(request.scope).analyser.models.card(model_id)
    except UnknownModel as error:
        raise NotFound(error.message) from None


def _summary(card: ModelCard) -> ModelSummary:
    return ModelSummary(
        id=card.id,
        aliases=list(card.aliases),
        created=card.created,
        description=card.description,
        sha256=card.sha256,
        threshold=card.threshold,
        calibration=card.calibration_name,
    )
