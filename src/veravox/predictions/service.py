"""Making predictions and looking them up."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from secrets import token_hex
from typing import BinaryIO

from anyio import CancelScope, to_thread
from sqlalchemy.exc import IntegrityError

from veravox.analysis import Analysis, AnalysisOptions
from veravox.detection.verdict import Result
from veravox.errors import Conflict
from veravox.predictions.custody import Custody, FileFacts, file_facts
from veravox.predictions.prediction import (
    Prediction,
    PredictionFilter,
    PredictionPage,
    PredictionRequest,
)
from veravox.predictions.repository import Claim, PredictionRepository
from veravox.predictions.workbench import Workbench
from veravox.telemetry.metrics import ANALYSIS_SECONDS

RENEWALS = 4
"""How often a claim is renewed before it would run out."""

Analyse = Callable[[BinaryIO, AnalysisOptions], Analysis]


class PredictionService:
    """The predictions of one installation."""

    def __init__(
        self, repository: PredictionRepository, workbench: Workbench, analyse: Analyse
    ) -> None:
        """`analyse` blocks; it runs on `workbench`, and results go to `repository`."""
        self._repository = repository
        self._workbench = workbench
        self._analyse = analyse

    async def predict(
        self, tenant_id: str, media: BinaryIO, request: PredictionRequest
    ) -> Prediction:
        """Analyse the recording in `media`, a seekable file at its start, and keep the result.

        With a `prediction_id` that was used before for the same recording and parameters this is
        the stored prediction. Raises Conflict when the id is taken by another request or still
        being processed, Unavailable when too much work waits, and what `analyse` raises; then
        nothing is kept.
        """
        self._workbench.ensure_room()
        received_at = datetime.now(UTC)
        facts = await to_thread.run_sync(file_facts, media)
        received = _Received(media, Custody(received_at=received_at, file=facts))
        digest = _digest(facts, request)
        if request.prediction_id is None:
            return await self._predict_anew(tenant_id, received, request, digest)
        return await self._predict_once(tenant_id, request.prediction_id, received, request, digest)

    async def record(
        self,
        tenant_id: str,
        prediction_id: str,
        digest: bytes,
        request: PredictionRequest,
        analysis: Analysis,
    ) -> Prediction:
        """Keep an analysis that was made elsewhere, of audio with this SHA-256, under a new id.

        Raises Conflict when the id is taken.
        """
        ANALYSIS_SECONDS.observe(analysis.processing_time)
        custody = Custody(received_at=datetime.now(UTC))
        try:
            return await self._repository.add(
                tenant_id, prediction_id, digest, request, analysis, custody
            )
        except IntegrityError:
            raise Conflict(f"The prediction_id '{prediction_id}' was used before") from None

    async def get(self, tenant_id: str, prediction_id: str) -> Prediction:
        """The tenant's prediction with this id. Raises NotFound."""
        return await self._repository.get(tenant_id, prediction_id)

    async def list(self, tenant_id: str, wanted: PredictionFilter) -> PredictionPage:
        """A page of the tenant's predictions, newest first. Raises InvalidRequest for a cursor."""
        return await self._repository.list(tenant_id, wanted)

    async def count_by_result(self, tenant_id: str, since: datetime) -> dict[Result | None, int]:
        """How many completed predictions of a tenant since then (UTC) had each result."""
        return await self._repository.count_by_result(tenant_id, since)

    async def delete(self, tenant_id: str, prediction_id: str) -> None:
        """Forget a prediction. Raises NotFound."""
        await self._repository.delete(tenant_id, prediction_id)

    async def _predict_anew(
        self, tenant_id: str, received: "_Received", request: PredictionRequest, digest: bytes
    ) -> Prediction:
        prediction_id = f"pred_{token_hex(6)}"
        analysis = await self._run(received.media, request)
        return await self._repository.add(
            tenant_id, prediction_id, digest, request, analysis, received.released()
        )

    async def _predict_once(
        self,
        tenant_id: str,
        prediction_id: str,
        received: "_Received",
        request: PredictionRequest,
        digest: bytes,
    ) -> Prediction:
        claim = await self._repository.claim(tenant_id, prediction_id, digest, request)
        if isinstance(claim, Prediction):
            return claim
        try:
            async with self._held(claim):
                analysis = await self._run(received.media, request)
            return await self._repository.settle(claim, request, analysis, received.released())
        except BaseException:
            with CancelScope(shield=True):
                await self._repository.release(claim)
            raise

    @asynccontextmanager
    async def _held(self, claim: Claim) -> AsyncGenerator[None]:
        """Renews the claim while the block runs."""
        renewal = asyncio.create_task(self._renew(claim))
        try:
            yield
        finally:
            renewal.cancel()

    async def _renew(self, claim: Claim) -> None:
        period = self._repository.claim_lasts.total_seconds() / RENEWALS
        while True:
            await asyncio.sleep(period)
            await self._repository.renew(claim)

    async def _run(self, media: BinaryIO, request: PredictionRequest) -> Analysis:
        analysis = await self._workbench.run(partial(self._analyse, media, request.options))
        ANALYSIS_SECONDS.observe(analysis.processing_time)
        return analysis


@dataclass(frozen=True, slots=True)
class _Received:
    """A recording that goes with its request, and what is known of its way so far."""

    media: BinaryIO
    custody: Custody

    def released(self) -> Custody:
        """Its way, once it is needed no more."""
        return replace(self.custody, audio_kept_until=datetime.now(UTC))


def _digest(facts: FileFacts, request: PredictionRequest) -> bytes:
    """SHA-256 of the parameters and the recording."""
    return hashlib.sha256(f"{request.options!r} {facts.sha256}".encode()).digest()
