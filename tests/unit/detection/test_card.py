import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.model_factory import MODEL_ID, make_card
from veravox.detection.card import IndecisionBand, PartialRule, read_card, write_card
from veravox.errors import InvalidModel


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / MODEL_ID
    folder.mkdir()
    write_card(make_card(), folder)
    return folder


def edit(folder: Path, **changes: Any) -> None:
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps(card | changes))


def test_a_written_card_is_read_back_the_same(folder: Path) -> None:
    assert read_card(folder) == make_card()


def test_a_missing_key_is_named_with_the_file(folder: Path) -> None:
    card = json.loads((folder / "card.json").read_text())
    del card["calibration"]["slope"]
    (folder / "card.json").write_text(json.dumps(card))
    with pytest.raises(InvalidModel, match=r"noisiness-1/card\.json: calibration\.slope"):
        read_card(folder)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("sha256", "abc"),
        ("threshold", "0.5"),
        ("threshold", 1.0),
        ("created", "yesterday"),
        ("calibration", {"slope": -1.0, "intercept": 0.0}),
        ("band", {"low": 0.1, "high": 0.2}),
        ("surprise", 1),
    ],
)
def test_a_wrong_or_unknown_value_is_named_with_the_file(
    folder: Path, key: str, value: object
) -> None:
    edit(folder, **{key: value})
    with pytest.raises(InvalidModel, match=rf"noisiness-1/card\.json: {key}"):
        read_card(folder)


def test_a_card_in_another_models_folder_is_refused(folder: Path) -> None:
    edit(folder, id="another")
    with pytest.raises(InvalidModel, match="the card is that of another"):
        read_card(folder)


def test_an_absent_card_is_named_without_the_path_to_it(tmp_path: Path) -> None:
    with pytest.raises(InvalidModel) as caught:
        read_card(tmp_path / "gone")
    assert caught.value.message.startswith("gone/card.json: ")
    assert str(tmp_path) not in caught.value.message


def test_text_that_is_not_json_is_refused(folder: Path) -> None:
    (folder / "card.json").write_text("{")
    with pytest.raises(InvalidModel, match=r"noisiness-1/card\.json: document"):
        read_card(folder)


@pytest.mark.parametrize("tau", [(), ((2, 1.0),), ((1, 1.0), (1, 2.0)), ((1, 1.0), (2, 0.5))])
def test_a_tau_table_starts_at_one_window_and_never_falls(
    tau: tuple[tuple[int, float], ...],
) -> None:
    with pytest.raises(ValidationError):
        PartialRule(tau=tau, clearly_bonafide=-1.0)


def test_constants_must_be_finite() -> None:
    with pytest.raises(ValidationError):
        IndecisionBand(low=float("-inf"), high=1.0)
