"""An operator's own calibration: fitted on their audio, kept in a file, laid over a model's card.

The file holds its own SHA-256, so that an altered one is not loaded, and that of the weights that
it was fitted on, so that it is not laid over other weights. The hash proves integrity, not origin.
"""

import hashlib
import json
from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from veravox.detection.calibration import threshold_llr
from veravox.detection.card import (
    Calibration,
    FileFusion,
    Finite,
    Frozen,
    IndecisionBand,
    ModelCard,
    Name,
    PartialRule,
    Sha256,
    SiteReference,
    invalid_fields,
)
from veravox.errors import InvalidModel

ID_LENGTH = 16


class SiteData(Frozen):
    """What was fitted on: the hash of the manifest, and how many recordings had a score."""

    sha256: Sha256
    n_bonafide: Annotated[int, Field(ge=1)]
    n_spoof: Annotated[int, Field(ge=1)]
    n_unscored: Annotated[int, Field(ge=0)]


class SiteCalibration(Frozen):
    """The content of a calibration file.

    `adjustment` maps the model's LLRs, of windows and of recordings, to those of the site;
    `threshold` and `band` are on its scale. `measured`: error rates with the model's own
    calibration (``before``) and with this one as cross-fitting estimates it (``after``). `sha256`
    is that of everything else.
    """

    created: date
    model: Name
    model_sha256: Sha256
    data: SiteData
    adjustment: Calibration
    threshold: Annotated[float, Field(gt=0.0, lt=1.0)]
    band: IndecisionBand
    measured: dict[str, dict[str, Finite]]
    sha256: Sha256

    @property
    def reference(self) -> SiteReference:
        """How cards and answers name this calibration."""
        return SiteReference(
            id=f"site-{self.sha256[:ID_LENGTH]}",
            created=self.created,
            n_bonafide=self.data.n_bonafide,
            n_spoof=self.data.n_spoof,
        )


def sealed(
    *,
    card: ModelCard,
    created: date,
    data: SiteData,
    adjustment: Calibration,
    threshold: float,
    band: IndecisionBand,
    measured: dict[str, dict[str, float]],
) -> SiteCalibration:
    """A calibration of the model of `card`, with the hash of its content."""
    unsealed = SiteCalibration(
        created=created,
        model=card.id,
        model_sha256=card.sha256,
        data=data,
        adjustment=adjustment,
        threshold=threshold,
        band=band,
        measured=measured,
        sha256="0" * 64,
    )
    return unsealed.model_copy(update={"sha256": _content_hash(unsealed)})


def write_site_calibration(site: SiteCalibration, path: Path) -> None:
    """Writes the file, as indented JSON."""
    path.write_text(site.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read_site_calibration(path: Path) -> SiteCalibration:
    """The calibration in a file.

    Raises InvalidModel, naming the file, when it is missing, malformed or was altered.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise InvalidModel(f"{path.name}: {error.strerror}") from error
    try:
        site = SiteCalibration.model_validate_json(text)
    except ValidationError as error:
        raise InvalidModel(f"{path.name}: {invalid_fields(error)}") from error
    if _content_hash(site) != site.sha256:
        raise InvalidModel(f"{path.name}: its content is not what its SHA-256 says")
    return site


def adjusted(card: ModelCard, site: SiteCalibration) -> ModelCard:
    """`card` with the site's calibration, threshold and band.

    The partial rule asks for the same windows as before: its constants are moved with the scores
    (tau_n is still never below the threshold).
    """
    slope, intercept = site.adjustment.slope, site.adjustment.intercept
    before, after = threshold_llr(card.threshold), threshold_llr(site.threshold)

    def moved(distance: float) -> float:
        return slope * (distance + before) + intercept - after

    return card.model_copy(
        update={
            "calibration": Calibration(
                slope=slope * card.calibration.slope,
                intercept=slope * card.calibration.intercept + intercept,
            ),
            "fusion": FileFusion(
                **(dict(card.fusion) | {"log_count": slope * card.fusion.log_count})
            ),
            "threshold": site.threshold,
            "band": site.band,
            "partial": PartialRule(
                tau=tuple((n, moved(tau)) for n, tau in card.partial.tau),
                clearly_bonafide=min(0.0, moved(card.partial.clearly_bonafide)),
            ),
            "site": site.reference,
        }
    )


def _content_hash(site: SiteCalibration) -> str:
    """SHA-256 of the canonical JSON of all fields but the hash itself."""
    content = site.model_dump(mode="json", exclude={"sha256"})
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
