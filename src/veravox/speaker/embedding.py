"""Embeddings: unit vectors that say whose voice it is, and how they travel.

What leaves the server carries the mark of its model: the published vector is

    sqrt(1 - c^2) * normalise(e - (e . m) m) + c * m

where m is a unit vector that follows from the model's id and c is 0.25. It still has unit length,
and cosines between published vectors of one model keep their order. A vector of another model has
the right projection on m by a chance of about one in a hundred thousand, so that mixing models up
is an error and not a wrong answer.
"""

import functools
import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from veravox.errors import InvalidRequest
from veravox.speaker.card import DIMENSIONS

Embedding = NDArray[np.float32]
"""Unit length, shape (256,)."""

MARK = 0.25
MARK_TOLERANCE = 1e-3
DECIMALS = 7


def unit(vector: NDArray[np.floating]) -> Embedding:
    """`vector`, shape (256,), at unit length; zero stays zero."""
    length = float(np.linalg.norm(vector))
    return (vector / length if length > 0.0 else vector).astype(np.float32)


def cosine(one: Embedding, other: Embedding) -> float:
    """Cosine of the angle between two embeddings, -1..1."""
    return float(np.clip(one @ other, -1.0, 1.0))


def mean_embedding(embeddings: Sequence[Embedding]) -> Embedding:
    """The direction of the sum of at least one embedding."""
    return unit(np.sum(embeddings, axis=0))


def published(embedding: Embedding, model_id: str) -> list[float]:
    """`embedding` with the mark of its model, 256 numbers of unit length."""
    mark = _mark(model_id)
    plain = unit(embedding - float(embedding @ mark) * mark)
    marked = np.sqrt(1.0 - MARK**2) * plain + MARK * mark
    return [round(float(number), DECIMALS) for number in marked]


def received(numbers: Sequence[float], model_id: str) -> Embedding:
    """The embedding that `published` gave out as `numbers`, to within rounding.

    A vector of another length than one is scaled first. Raises InvalidRequest when it has another
    number of dimensions, a number that is not finite, no direction, or another model's mark.
    """
    if len(numbers) != DIMENSIONS:
        raise InvalidRequest(
            f"voice_vector has {len(numbers)} numbers; the model {model_id} gives {DIMENSIONS}"
        )
    vector = np.asarray(numbers, dtype=np.float64)
    largest = float(np.abs(vector).max())
    if not 1e-6 < largest < np.inf:
        raise InvalidRequest("voice_vector has no direction; its numbers are zero or not finite")
    vector /= largest
    vector /= np.linalg.norm(vector)
    mark = _mark(model_id)
    if abs(float(vector @ mark) - MARK) > MARK_TOLERANCE:
        raise InvalidRequest(
            f"voice_vector comes from another model than {model_id}; enrol the voice again"
        )
    return unit(vector - MARK * mark)


@functools.lru_cache(maxsize=16)
def _mark(model_id: str) -> NDArray[np.float64]:
    """A unit vector that follows from the id: the same everywhere and for ever."""
    blocks = (hashlib.sha256(f"{model_id} {n}".encode()).digest() for n in range(DIMENSIONS // 16))
    numbers = np.frombuffer(b"".join(blocks), dtype="<u2").astype(np.float64) - 32_767.5
    return numbers / np.linalg.norm(numbers)
