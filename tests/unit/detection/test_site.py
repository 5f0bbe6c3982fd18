import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.model_factory import hiss, hum, make_card, write_model
from veravox.detection.calibration import threshold_llr
from veravox.detection.card import Calibration, FileFusion, IndecisionBand, ModelCard
from veravox.detection.fusion import file_llr
from veravox.detection.models import ModelRegistry
from veravox.detection.site import (
    SiteCalibration,
    SiteData,
    adjusted,
    read_site_calibration,
    sealed,
    write_site_calibration,
)
from veravox.errors import InvalidModel


def make_site(card: ModelCard, **changes: Any) -> SiteCalibration:
    fields: dict[str, Any] = {
        "card": card,
        "created": date(2026, 11, 21),
        "data": SiteData(sha256="2" * 64, n_bonafide=40, n_spoof=50, n_unscored=1),
        "adjustment": Calibration(slope=2.0, intercept=1.0),
        "threshold": 0.4,
        "band": IndecisionBand(low=-0.2, high=0.2),
        "measured": {"before": {"eer": 0.1}, "after": {"eer": 0.1}},
    }
    return sealed(**(fields | changes))


def write_site(path: Path, card: ModelCard, **changes: Any) -> SiteCalibration:
    site = make_site(card, **changes)
    write_site_calibration(site, path)
    return site


def test_a_calibration_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    site = write_site(tmp_path / "site.json", make_card())
    assert read_site_calibration(tmp_path / "site.json") == site


@pytest.mark.parametrize(
    ("key", "value"),
    [("threshold", 0.9), ("model_sha256", "3" * 64), ("created", "2026-11-22")],
)
def test_an_altered_calibration_is_refused(tmp_path: Path, key: str, value: object) -> None:
    path = tmp_path / "site.json"
    write_site(path, make_card())
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    with pytest.raises(InvalidModel, match=r"site\.json: its content"):
        read_site_calibration(path)


@pytest.mark.parametrize("text", ["", "[]", '{"threshold": 0.5}'])
def test_a_malformed_calibration_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "site.json"
    path.write_text(text)
    with pytest.raises(InvalidModel, match=r"site\.json"):
        read_site_calibration(path)


def test_a_missing_calibration_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InvalidModel, match=r"none\.json"):
        read_site_calibration(tmp_path / "none.json")


def test_file_scores_are_mapped_as_the_calibration_says() -> None:
    fusion = FileFusion(top_fifth=0.2, minimum=0.1, deviation=0.3, log_count=0.4)
    card = make_card(fusion=fusion)
    new = adjusted(card, make_site(card))
    windows = [-1.0, 0.5, 2.0]
    mapped = [2.0 * llr + 1.0 for llr in windows]
    assert file_llr(mapped, new.fusion) == pytest.approx(2.0 * file_llr(windows, card.fusion) + 1.0)


def test_the_partial_rule_asks_for_the_same_windows() -> None:
    card = make_card()
    site = make_site(card)
    new = adjusted(card, site)
    for (n, before), (same, after) in zip(card.partial.tau, new.partial.tau, strict=True):
        assert n == same
        assert after + threshold_llr(0.4) == pytest.approx(2.0 * before + 1.0)


def test_a_registry_lays_the_calibration_over_its_model_only(tmp_path: Path) -> None:
    models = tmp_path / "models"
    write_model(models)
    write_model(models, id="older", aliases=(), sha256="9" * 64)
    shipped = ModelRegistry(models)
    site = write_site(tmp_path / "site.json", shipped.card())

    registry = ModelRegistry(models, tmp_path / "site.json")

    assert registry.card().calibration_name == site.reference.id
    assert registry.card("older").calibration_name == "model"
    for window in (hum(5.0), hiss(5.0)):
        assert registry.resolve().score(window) == pytest.approx(
            2.0 * shipped.resolve().score(window) + 1.0, abs=1e-4
        )


def test_a_calibration_of_another_model_is_refused(tmp_path: Path) -> None:
    write_model(tmp_path / "models")
    write_site(tmp_path / "site.json", make_card())
    with pytest.raises(InvalidModel, match="calibrate again"):
        ModelRegistry(tmp_path / "models", tmp_path / "site.json")
