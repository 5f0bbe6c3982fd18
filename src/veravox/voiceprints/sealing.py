"""Voiceprints as sealed bytes, bound to the tenant, the subject and the model they belong to."""

import json
import struct

import numpy as np

from veravox.security import open_sealed, seal
from veravox.speaker.card import DIMENSIONS
from veravox.speaker.embedding import Embedding

_PERSON = "person"
_REFERENCE = struct.Struct(f"<d{DIMENSIONS}f")


def seal_person(
    key: bytes, tenant_id: str, subject: str, user_id: str, consent: str | None
) -> bytes:
    """Who the subject is, under the subject's key."""
    content = json.dumps({"user_id": user_id, "consent": consent}).encode()
    return seal(key, content, [tenant_id, subject, _PERSON])


def open_person(key: bytes, tenant_id: str, subject: str, sealed: bytes) -> tuple[str, str | None]:
    """User id and consent. Raises WrongKey."""
    content = json.loads(open_sealed(key, sealed, [tenant_id, subject, _PERSON]))
    return content["user_id"], content["consent"]


def seal_reference(
    key: bytes, tenant_id: str, subject: str, model_id: str, embedding: Embedding, net_speech: float
) -> bytes:
    """An embedding, (256,), and the seconds of speech that it is made of."""
    content = _REFERENCE.pack(net_speech, *embedding.tolist())
    return seal(key, content, [tenant_id, subject, model_id])


def open_reference(
    key: bytes, tenant_id: str, subject: str, model_id: str, sealed: bytes
) -> tuple[Embedding, float]:
    """What `seal_reference` was given. Raises WrongKey."""
    content = open_sealed(key, sealed, [tenant_id, subject, model_id])
    net_speech, *numbers = _REFERENCE.unpack(content)
    return np.array(numbers, np.float32), net_speech
