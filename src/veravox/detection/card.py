"""The model card: everything that is frozen with a model and travels beside its weights.

A model is a folder with `model.onnx` and `card.json`. LLRs are natural-log, positive = spoof.
Constants of the decision that are LLRs (`band`, `partial`) are distances from the decision
threshold, so that they move with it when a caller chooses another one.
"""

import hashlib
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from veravox.errors import InvalidModel

CARD_FILE = "card.json"
WEIGHTS_FILE = "model.onnx"
MODEL_CALIBRATION = "model"

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class Frozen(BaseModel):
    """Strict and closed: an unknown, missing or mistyped key is an error."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class TrainingData(Frozen):
    """What the model was fitted on: the hash of the training manifest, and a sentence."""

    sha256: Sha256
    summary: str


class Calibration(Frozen):
    """Window spoof_llr = slope * logit + intercept."""

    slope: Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
    intercept: Finite


class FileFusion(Frozen):
    """Weights that turn the windows' LLRs into the file's.

    file = mean + top_fifth * (mean of the top fifth - mean) + minimum * (min - mean)
    + deviation * sd + log_count * ln n,
    n held at 12. For one window every term but the mean is zero. All
    weights zero is the plain mean.
    """

    top_fifth: Finite = 0.0
    minimum: Finite = 0.0
    deviation: Finite = 0.0
    log_count: Finite = 0.0


class IndecisionBand(Frozen):
    """No verdict where low < file LLR - threshold LLR < high."""

    low: Annotated[float, Field(le=0.0, allow_inf_nan=False)]
    high: Annotated[float, Field(ge=0.0, allow_inf_nan=False)]


class PartialRule(Frozen):
    """When some windows of a recording are called spoofed and others bona fide.

    `tau`: (n, tau_n) in rising n from 1, the 99th percentile of the highest of n windows of long
    bona fide recordings, as a distance from the threshold LLR; tau_n does not fall with n.
    `clearly_bonafide`: a window at or below this distance counts as clearly bona fide.
    """

    tau: Annotated[tuple[tuple[Annotated[int, Field(ge=1)], Finite], ...], Field(min_length=1)]
    clearly_bonafide: Annotated[float, Field(le=0.0, allow_inf_nan=False)]

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if self.tau[0][0] != 1:
            raise ValueError("tau must begin at n = 1")
        for (n, low), (following_n, high) in pairwise(self.tau):
            if following_n <= n or high < low:
                raise ValueError("tau must rise in n and must not fall in value")
        return self


class QualityLimits(Frozen):
    """Below any of these a recording gets no verdict.

    `net_speech`: seconds of speech in the recording; `window_speech`: seconds of speech that a
    window needs to be scored at all, whatever silence threshold a caller asks for.
    """

    net_speech: Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
    window_speech: Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
    snr_db: Finite
    bandwidth_hz: Annotated[float, Field(ge=0.0, le=8_000.0)]


class MetricTable(Frozen):
    """A measured table: the command that made it, and row name -> metric name -> value."""

    command: str
    rows: dict[str, dict[str, Finite]]


class Attribution(Frozen):
    """How the second output, a logit for each of `families`, is read.

    Logits are divided by `temperature`; a family whose probability is below `confidence` is not
    named.
    """

    families: Annotated[tuple[str, ...], Field(min_length=2)]
    temperature: Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
    confidence: Annotated[float, Field(ge=0.0, le=1.0)]


class SiteReference(Frozen):
    """Which calibration of an operator's own is laid over the model's: its id, date and size."""

    id: Name
    created: date
    n_bonafide: int
    n_spoof: int


class ModelCard(Frozen):
    """A model's identity, provenance, calibration, decision constants and measured results.

    `sha256` is that of `model.onnx`; `threshold` the decision threshold on the spoof probability;
    `metrics` maps a title (e.g. "dev, unseen systems") to its table, `known_failures` are
    sentences about where the model is wrong. `site` is None in the card that a model is shipped
    with; otherwise calibration, threshold, band and partial rule are those of the operator.
    """

    id: Name
    aliases: tuple[Name, ...] = ()
    created: date
    description: str
    command: str
    sha256: Sha256
    data: TrainingData
    calibration: Calibration
    threshold: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.5
    fusion: FileFusion
    band: IndecisionBand
    partial: PartialRule
    quality: QualityLimits
    metrics: dict[str, MetricTable]
    known_failures: tuple[str, ...] = ()
    attribution: Attribution | None = None
    site: SiteReference | None = None

    @property
    def calibration_name(self) -> str:
        """What answers call the calibration in force: ``model`` or the operator's id."""
        return MODEL_CALIBRATION if self.site is None else self.site.id

    def text(self) -> str:
        """The card as `write_card` writes it: indented JSON."""
        return self.model_dump_json(indent=2) + "\n"

    def digest(self) -> str:
        """SHA-256 of `text`, in hexadecimal: what `sha256sum card.json` prints."""
        return hashlib.sha256(self.text().encode()).hexdigest()

    def calibration_digest(self) -> str:
        """SHA-256 of all that turns raw logits into a verdict, in hexadecimal."""
        decisive = {"calibration", "threshold", "fusion", "band", "partial", "quality"}
        return hashlib.sha256(self.model_dump_json(include=decisive).encode()).hexdigest()


def read_card(directory: Path) -> ModelCard:
    """The card in a model's folder.

    Raises InvalidModel, naming the file and every offending field, when the card is missing,
    malformed, incomplete, or names another model than its folder does.
    """
    name = f"{directory.name}/{CARD_FILE}"
    try:
        text = (directory / CARD_FILE).read_bytes()
    except OSError as error:
        raise InvalidModel(f"{name}: {error.strerror}") from error
    try:
        card = ModelCard.model_validate_json(text)
    except ValidationError as error:
        raise InvalidModel(f"{name}: {invalid_fields(error)}") from error
    if card.id != directory.name:
        raise InvalidModel(f"{name}: the card is that of {card.id}")
    return card


def write_card(card: ModelCard, directory: Path) -> None:
    """Writes the card as indented JSON beside the weights in `directory`."""
    (directory / CARD_FILE).write_text(card.text(), encoding="utf-8")


def invalid_fields(error: ValidationError) -> str:
    """Every offending field with what is wrong with it."""
    return "; ".join(
        f"{'.'.join(str(part) for part in item['loc']) or 'document'}: {item['msg']}"
        for item in error.errors(include_url=False)
    )
