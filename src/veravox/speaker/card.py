"""The card of a speaker encoder: everything that is frozen with it and travels beside its weights.

An encoder is a folder with `model.onnx`, `cohort.npy` and `card.json`. LLRs are natural-log,
positive = the same speaker.
"""

from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from veravox.errors import InvalidModel

CARD_FILE = "card.json"
WEIGHTS_FILE = "model.onnx"
COHORT_FILE = "cohort.npy"
DIMENSIONS = 256

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
Finite = Annotated[float, Field(allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
Rate = Annotated[float, Field(gt=0.0, lt=1.0)]


class _Frozen(BaseModel):
    """Strict and closed: an unknown, missing or mistyped key is an error."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class TrainingData(_Frozen):
    """What the encoder was fitted on: the hash of the training manifest, and a sentence."""

    sha256: Sha256
    summary: str


class Normalisation(_Frozen):
    """Adaptive s-norm: against the `nearest` most similar members of the cohort."""

    nearest: Annotated[int, Field(ge=2)]


class Calibration(_Frozen):
    """LLR = slope * score + intercept + speech * ln(seconds of speech tested / 4 s)
    + noise * min(0, SNR - 20 dB) / 10."""

    slope: Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
    intercept: Finite
    speech: Finite = 0.0
    noise: Finite = 0.0


class OperatingPoint(_Frozen):
    """`threshold`: the LLR from which voices match at this rate of false matches.

    `reject_below`: the LLR under which they are told apart; nothing is decided in between.
    """

    false_match_rate: Rate
    threshold: Finite
    reject_below: Finite

    @model_validator(mode="after")
    def _is_ordered(self) -> Self:
        if self.reject_below > self.threshold:
            raise ValueError("reject_below must not lie above the threshold")
        return self


class QualityLimits(_Frozen):
    """What a recording must have, for a test and, stricter, for an enrolment.

    `test_speech`, `enrol_speech`: seconds of speech. `snr_db`: speech over noise.
    `clipping_ratio`: share of samples at full scale. `self_similarity`: the lowest mean cosine
    between the parts of an enrolment and the whole at which they count as one speaker.
    """

    test_speech: NotNegative
    enrol_speech: NotNegative
    snr_db: Finite
    clipping_ratio: Annotated[float, Field(ge=0.0, le=1.0)]
    self_similarity: Annotated[float, Field(ge=-1.0, le=1.0)]


class MetricTable(_Frozen):
    """A measured table: the command that made it, and row name -> metric name -> value."""

    command: str
    rows: dict[str, dict[str, Finite]]


class SpeakerCard(_Frozen):
    """An encoder's identity, provenance, calibration, decision constants and measured results.

    `sha256` and `cohort_sha256` are those of the files beside it; `points` the operating points in
    falling rate of false matches, `default_rate` the rate of the one that is used by default.
    """

    id: Name
    created: date
    description: str
    command: str
    sha256: Sha256
    cohort_sha256: Sha256
    data: TrainingData
    normalisation: Normalisation
    calibration: Calibration
    points: Annotated[tuple[OperatingPoint, ...], Field(min_length=1)]
    default_rate: Rate
    identify_margin: NotNegative
    quality: QualityLimits
    metrics: dict[str, MetricTable]

    @model_validator(mode="after")
    def _points_are_ordered(self) -> Self:
        for before, after in pairwise(self.points):
            if after.false_match_rate >= before.false_match_rate:
                raise ValueError("the rates of points must fall")
            if after.threshold < before.threshold:
                raise ValueError("the thresholds of points must not fall")
        if self.default_rate not in [point.false_match_rate for point in self.points]:
            raise ValueError("default_rate must be the rate of a point")
        return self


def read_card(directory: Path) -> SpeakerCard:
    """The card in an encoder's folder.

    Raises InvalidModel, naming the file and every offending field, when the card is missing,
    malformed, incomplete, or names another encoder than its folder does.
    """
    name = f"{directory.name}/{CARD_FILE}"
    try:
        text = (directory / CARD_FILE).read_bytes()
    except OSError as error:
        raise InvalidModel(f"{name}: {error.strerror}") from error
    try:
        card = SpeakerCard.model_validate_json(text)
    except ValidationError as error:
        raise InvalidModel(f"{name}: {_fields(error)}") from error
    if card.id != directory.name:
        raise InvalidModel(f"{name}: the card is that of {card.id}")
    return card


def write_card(card: SpeakerCard, directory: Path) -> None:
    """Writes the card as indented JSON beside the weights in `directory`."""
    (directory / CARD_FILE).write_text(card.model_dump_json(indent=2) + "\n", encoding="utf-8")


def _fields(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(str(part) for part in item['loc']) or 'document'}: {item['msg']}"
        for item in error.errors(include_url=False)
    )
