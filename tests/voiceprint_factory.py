"""Voiceprints for tests, in a database and a vault of their own."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np

from tests.analysis_factory import make_analysis
from veravox.db import Database, upgrade
from veravox.db.url import sqlite_url
from veravox.security import KeyHasher, KeyVault
from veravox.speaker.embedding import Embedding, unit
from veravox.speaker.voice import EnrolmentQuality
from veravox.voice_analysis import Enrolment
from veravox.voiceprints import VoiceprintRepository

SECRET = b"an installation's own secret, long enough"
MODEL = "tones-1"


def make_embedding(seed: int = 1) -> Embedding:
    return unit(np.random.default_rng(seed).standard_normal(256))


def make_enrolment(seed: int = 1, model_id: str = MODEL) -> Enrolment:
    """An enrolment of good quality with the embedding of this seed."""
    return Enrolment(
        model_id=model_id,
        embedding=make_embedding(seed),
        quality=EnrolmentQuality(12.5, 30.0, 0.0, True, ()),
        analysis=make_analysis(),
        processing_time=0.1,
    )


@asynccontextmanager
async def open_repository(
    folder: Path, database_file: Path | None = None
) -> AsyncGenerator[VoiceprintRepository]:
    """A repository over a migrated database; keys lie in `folder`."""
    url = sqlite_url(database_file or folder / "veravox.db")
    upgrade(url)
    database = Database(url)
    vault = KeyVault(folder / "keys", SECRET)
    try:
        yield VoiceprintRepository(database, vault, KeyHasher(SECRET))
    finally:
        await database.close()
