"""The file in which the command line keeps an enrolled voice: JSON with its vector and model."""

import json
from typing import Any, cast

from veravox.errors import InvalidRequest
from veravox.speaker.embedding import Embedding, published, received


def written_voice(embedding: Embedding, model_id: str) -> str:
    """The content of a file for `embedding`, which the model `model_id` made."""
    content = {"model_version": model_id, "embedding": published(embedding, model_id)}
    return json.dumps(content) + "\n"


def read_voice(content: str | bytes, model_id: str) -> Embedding:
    """The embedding in a file's content. Raises InvalidRequest, also for another model's."""
    try:
        body = cast(dict[str, Any], json.loads(content))
        numbers = [float(number) for number in body["embedding"]]
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        raise InvalidRequest("The file holds no enrolled voice") from None
    return received(numbers, model_id)
