import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from veravox.errors import InvalidRequest
from veravox.speaker.card import DIMENSIONS
from veravox.speaker.embedding import cosine, mean_embedding, published, received, unit

MODEL = "tdnn-2026-11"


def direction(seed: int) -> np.ndarray:
    return unit(np.random.default_rng(seed).standard_normal(DIMENSIONS))


@given(st.integers(0, 10_000))
def test_what_was_published_is_received_again(seed: int) -> None:
    embedding = direction(seed)
    assert cosine(embedding, received(published(embedding, MODEL), MODEL)) > 0.95


@given(st.integers(0, 10_000))
def test_a_published_vector_has_256_numbers_of_unit_length(seed: int) -> None:
    numbers = published(direction(seed), MODEL)
    assert len(numbers) == 256
    assert np.linalg.norm(numbers) == pytest.approx(1.0, abs=1e-5)


@given(st.integers(0, 10_000), st.floats(1e-3, 1e3))
def test_a_vector_may_be_scaled(seed: int, factor: float) -> None:
    numbers = published(direction(seed), MODEL)
    scaled = received([factor * number for number in numbers], MODEL)
    assert cosine(scaled, received(numbers, MODEL)) > 0.9999


@given(st.integers(0, 300))
def test_a_vector_of_another_model_is_an_error_that_says_so(seed: int) -> None:
    with pytest.raises(InvalidRequest, match="another model than tdnn-2026-11"):
        received(published(direction(seed), "tdnn-2025-01"), MODEL)


def test_enormous_numbers_are_not_taken_for_an_embedding() -> None:
    with pytest.raises(InvalidRequest, match="another model"):
        received([1e308] * DIMENSIONS, MODEL)


def test_an_arbitrary_unit_vector_is_an_error() -> None:
    with pytest.raises(InvalidRequest, match="another model"):
        received(direction(1).tolist(), MODEL)


@pytest.mark.parametrize("length", [0, 1, 192, 255, 257, 512])
def test_a_vector_of_the_wrong_length_is_an_error_that_names_both(length: int) -> None:
    with pytest.raises(InvalidRequest, match=f"{length} numbers; the model {MODEL} gives 256"):
        received([0.1] * length, MODEL)


@pytest.mark.parametrize("number", [0.0, float("nan"), float("inf"), float("-inf")])
def test_a_vector_without_a_direction_is_an_error(number: float) -> None:
    with pytest.raises(InvalidRequest, match="no direction"):
        received([number] * DIMENSIONS, MODEL)


def test_the_mark_of_a_model_never_changes() -> None:
    numbers = published(np.eye(DIMENSIONS, dtype=np.float32)[0], MODEL)
    assert numbers[:3] == pytest.approx(GOLDEN, abs=1e-6)


GOLDEN = (0.9825321, -0.013037, 0.0146335)


def test_a_mean_embedding_lies_between() -> None:
    one, other = direction(1), direction(2)
    between = mean_embedding([one, other])
    assert cosine(between, one) == pytest.approx(cosine(between, other), abs=1e-5)
    assert np.linalg.norm(between) == pytest.approx(1.0, abs=1e-5)
