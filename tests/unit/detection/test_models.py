from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.model_factory import write_model
from veravox.detection.models import ModelRegistry
from veravox.errors import InvalidModel, UnknownModel

VENDOR_ALIASES = (
    "stable",
    "stable-latest",
    "dev-v4",
    "apollo-4-2025-10-20",
    "apollo-4-2026-01-16",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_model(tmp_path)
    write_model(tmp_path, id="older", aliases=("previous",))
    return tmp_path


def test_cards_are_listed_by_id(folder: Path) -> None:
    assert [card.id for card in ModelRegistry(folder).cards()] == ["noisiness-1", "older"]


@pytest.mark.parametrize("name", [None, "stable", "stable-latest", "noisiness-1"])
def test_the_default_answers_to_its_id_and_aliases(folder: Path, name: str | None) -> None:
    assert ModelRegistry(folder).resolve(name).card.id == "noisiness-1"


def test_other_models_answer_to_theirs(folder: Path) -> None:
    registry = ModelRegistry(folder)
    assert registry.resolve("previous") is registry.resolve("older")


def test_an_unknown_name_is_answered_with_the_choices(folder: Path) -> None:
    with pytest.raises(UnknownModel) as caught:
        ModelRegistry(folder).resolve("nope")
    assert caught.value.message == (
        "Unknown model 'nope'; choose one of noisiness-1, stable, stable-latest, older, previous"
    )


def test_weights_are_only_read_when_a_model_is_asked_for(folder: Path) -> None:
    (folder / "older" / "model.onnx").write_bytes(b"broken")
    registry = ModelRegistry(folder)
    assert registry.resolve().card.id == "noisiness-1"
    assert registry.card("older").id == "older"
    with pytest.raises(InvalidModel, match="older"):
        registry.resolve("older")


def test_a_model_asked_for_by_many_threads_is_loaded_once(folder: Path) -> None:
    registry = ModelRegistry(folder)
    with ThreadPoolExecutor(8) as executor:
        detectors = set(executor.map(registry.resolve, ["stable"] * 16))
    assert len(detectors) == 1


def test_two_models_cannot_share_a_name(folder: Path) -> None:
    write_model(folder, id="third", aliases=("older",))
    with pytest.raises(InvalidModel, match="both claim the name 'older'"):
        ModelRegistry(folder)


def test_a_folder_without_a_default_model_is_refused(tmp_path: Path) -> None:
    write_model(tmp_path, aliases=())
    with pytest.raises(InvalidModel, match="alias 'stable'"):
        ModelRegistry(tmp_path)


def test_the_shipped_default_loads_under_every_alias_that_the_vendor_documents() -> None:
    registry = ModelRegistry()
    assert {registry.resolve(alias).card.id for alias in VENDOR_ALIASES} == {
        registry.resolve().card.id
    }
