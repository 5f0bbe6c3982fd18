"""Model cards over HTTP, and which calibration is in force."""

from datetime import date
from pathlib import Path

import httpx
import pytest

from tests.audio_factory import spoken_file
from tests.http_factory import serving, settings_for, upload
from tests.model_factory import MODEL_ID
from veravox.detection.card import Calibration, IndecisionBand
from veravox.detection.models import ModelRegistry
from veravox.detection.site import SiteCalibration, SiteData, sealed, write_site_calibration
from veravox.errors import InvalidModel


def test_installed_models_are_listed(client: httpx.Client) -> None:
    (model,) = client.get("/v1/models").json()["models"]
    assert model["id"] == MODEL_ID
    assert model["aliases"] == ["stable", "stable-latest"]
    assert model["calibration"] == "model"
    assert len(model["sha256"]) == 64


@pytest.mark.parametrize("name", [MODEL_ID, "stable"])
def test_a_card_is_served_under_the_id_and_every_alias(client: httpx.Client, name: str) -> None:
    card = client.get(f"/v1/models/{name}").json()
    assert card["id"] == MODEL_ID
    assert card["metrics"]["dev"]["rows"]["all"] == {"eer": 0.25}
    assert card["calibration"] == {"slope": 0.5, "intercept": -5.0}
    assert card["site"] is None


def test_an_unknown_model_is_not_found(client: httpx.Client) -> None:
    answer = client.get("/v1/models/nope")
    assert answer.status_code == 404
    assert answer.json()["error"] == "not_found"
    assert MODEL_ID in answer.json()["message"]


def test_cards_need_a_key(client: httpx.Client) -> None:
    assert httpx.get(f"{client.base_url}/v1/models").status_code == 401


def test_a_prediction_says_that_the_models_own_calibration_was_used(client: httpx.Client) -> None:
    assert client.post("/v1/predict", files=upload(spoken_file())).json()["calibration"] == "model"


def write_site(folder: Path, **changes: object) -> SiteCalibration:
    settings_for(folder)
    card = ModelRegistry(folder / "models").card().model_copy(update=changes)
    site = sealed(
        card=card,
        created=date(2026, 11, 21),
        data=SiteData(sha256="2" * 64, n_bonafide=40, n_spoof=50, n_unscored=1),
        adjustment=Calibration(slope=1.0, intercept=40.0),
        threshold=0.5,
        band=IndecisionBand(low=0.0, high=0.0),
        measured={},
    )
    write_site_calibration(site, folder / "site.json")
    return site


def test_an_operators_calibration_decides_and_is_named(tmp_path: Path) -> None:
    site = write_site(tmp_path)
    settings = settings_for(tmp_path, calibration_file=tmp_path / "site.json")
    with serving(settings) as server, server.client() as client:
        predicted = client.post("/v1/predict", files=upload(spoken_file())).json()
        stored = client.get(f"/v1/predictions/{predicted['prediction_id']}").json()
        card = client.get("/v1/models/stable").json()
        (listed,) = client.get("/v1/models").json()["models"]
    name = site.reference.id
    assert predicted["global"]["result"] == "spoofed"
    assert predicted["calibration"] == stored["calibration"] == listed["calibration"] == name
    assert card["site"]["id"] == name
    assert card["calibration"]["intercept"] == pytest.approx(35.0)


def test_a_server_does_not_start_with_the_calibration_of_other_weights(tmp_path: Path) -> None:
    write_site(tmp_path, sha256="9" * 64)
    with pytest.raises(InvalidModel, match="calibrate again"):
        ModelRegistry(tmp_path / "models", tmp_path / "site.json")
