"""Predictions on PostgreSQL."""

import asyncio
from datetime import timedelta

import pytest

from tests.analysis_factory import make_analysis
from veravox.analysis import AnalysisOptions
from veravox.db import Database
from veravox.detection.verdict import Result
from veravox.errors import Conflict, NotFound
from veravox.predictions import (
    Prediction,
    PredictionFilter,
    PredictionRepository,
    PredictionRequest,
)
from veravox.predictions.repository import Claim

pytestmark = pytest.mark.anyio

DIGEST = b"d" * 32
REQUEST = PredictionRequest(AnalysisOptions(), "stable-latest", device="api", warnings=("hm",))


async def test_a_kept_prediction_is_found_and_deleted(database: Database) -> None:
    repository = PredictionRepository(database)
    made = await repository.add("tenant", "one", DIGEST, REQUEST, make_analysis(1.0, None))
    assert await repository.get("tenant", "one") == made
    await repository.delete("tenant", "one")
    with pytest.raises(NotFound):
        await repository.get("tenant", "one")


async def test_of_concurrent_claims_one_is_granted_and_settled(database: Database) -> None:
    repository = PredictionRepository(database)
    claims = await asyncio.gather(
        *(repository.claim("tenant", "mine", DIGEST, REQUEST) for _ in range(8)),
        return_exceptions=True,
    )
    granted = [claim for claim in claims if isinstance(claim, Claim)]
    assert len(granted) == 1
    assert sum(isinstance(claim, Conflict) for claim in claims) == 7
    made = await repository.settle(granted[0], REQUEST, make_analysis())
    assert await repository.claim("tenant", "mine", DIGEST, REQUEST) == made
    with pytest.raises(Conflict, match="another request"):
        await repository.claim("tenant", "mine", b"e" * 32, REQUEST)


async def test_a_claim_that_ran_out_is_taken_over_once(database: Database) -> None:
    await PredictionRepository(database, timedelta(0)).claim("tenant", "mine", DIGEST, REQUEST)
    repository = PredictionRepository(database)
    claims = await asyncio.gather(
        *(repository.claim("tenant", "mine", DIGEST, REQUEST) for _ in range(4)),
        return_exceptions=True,
    )
    assert sum(isinstance(claim, Claim) for claim in claims) == 1


async def test_pages_follow_each_other_newest_first(database: Database) -> None:
    repository = PredictionRepository(database)
    for n in range(5):
        analysis = make_analysis(3.0 if n % 2 else -3.0)
        await repository.add("tenant", f"p{n}", DIGEST, REQUEST, analysis)
    seen: list[Prediction] = []
    cursor = None
    while True:
        page = await repository.list("tenant", PredictionFilter(limit=2, cursor=cursor))
        seen += page.predictions
        cursor = page.next_cursor
        if cursor is None:
            break
    assert [prediction.id for prediction in seen] == ["p4", "p3", "p2", "p1", "p0"]
    spoofed = await repository.list("tenant", PredictionFilter(result=Result.SPOOFED))
    assert [prediction.id for prediction in spoofed.predictions] == ["p3", "p1"]
