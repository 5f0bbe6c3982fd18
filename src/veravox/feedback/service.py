"""Feedback on verdicts: noted, looked up, taken back, and exported as an evaluation manifest.

The manifest has the columns of `veravox evaluate` and some more, which that leaves aside. Its paths
are the names that the recordings had; put the recordings beside it.
"""

import csv
import io
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import delete, select

from veravox.db import Database
from veravox.errors import InvalidRequest, NotFound
from veravox.evaluation.manifest import COLUMNS
from veravox.feedback.tables import FeedbackRow
from veravox.predictions import Prediction, PredictionRepository

LONGEST_NOTE = 500
FURTHER_COLUMNS = ("prediction_id", "spoof_llr", "result", "model", "noted_at", "note")


class Truth(StrEnum):
    """What a recording really was, in the words of a manifest."""

    BONAFIDE = "bonafide"
    SPOOF = "spoof"


@dataclass(frozen=True, slots=True)
class Feedback:
    """What `author` knows about the recording of a prediction. `created_at` is UTC."""

    prediction_id: str
    truth: Truth
    note: str
    author: str
    created_at: datetime


class FeedbackService:
    """The feedback of one installation. The tenant is the first argument of every call."""

    def __init__(self, database: Database, predictions: PredictionRepository) -> None:
        """Feedback is kept in `database`, beside the `predictions` that it is about."""
        self._database = database
        self._predictions = predictions

    async def note(
        self, tenant_id: str, prediction_id: str, truth: Truth, note: str, author: str
    ) -> Feedback:
        """Keep what a recording was; it replaces what was noted before.

        Raises NotFound without such a completed prediction, InvalidRequest for a long note.
        """
        if len(note) > LONGEST_NOTE:
            raise InvalidRequest(f"A note must have at most {LONGEST_NOTE} characters")
        prediction = await self._predictions.get(tenant_id, prediction_id)
        if prediction.analysis is None:
            raise NotFound(f"The prediction '{prediction_id}' has no result")
        row = FeedbackRow(
            tenant_id=tenant_id,
            prediction_id=prediction_id,
            truth=truth.value,
            note=note.strip(),
            author=author,
            created_at=datetime.now(UTC),
        )
        async with self._database.transaction() as session:
            return _to_feedback(await session.merge(row))

    async def get(self, tenant_id: str, prediction_id: str) -> Feedback | None:
        """What was noted about a prediction, None for nothing."""
        async with self._database.transaction() as session:
            row = await session.get(FeedbackRow, (tenant_id, prediction_id))
        return None if row is None else _to_feedback(row)

    async def take_back(self, tenant_id: str, prediction_id: str) -> None:
        """Forget what was noted, if anything was."""
        async with self._database.transaction() as session:
            await session.execute(
                delete(FeedbackRow).where(
                    FeedbackRow.tenant_id == tenant_id, FeedbackRow.prediction_id == prediction_id
                )
            )

    async def list(self, tenant_id: str) -> list[Feedback]:
        """All feedback of a tenant, oldest first."""
        query = (
            select(FeedbackRow)
            .where(FeedbackRow.tenant_id == tenant_id)
            .order_by(FeedbackRow.created_at, FeedbackRow.prediction_id)
        )
        async with self._database.transaction() as session:
            return [_to_feedback(row) for row in await session.scalars(query)]

    async def manifest(self, tenant_id: str) -> str:
        """All feedback of a tenant as a CSV manifest, oldest first."""
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow((*COLUMNS, *FURTHER_COLUMNS))
        for feedback in await self.list(tenant_id):
            prediction = await self._predictions.get(tenant_id, feedback.prediction_id)
            table.writerow(_manifest_row(feedback, prediction))
        return text.getvalue()


def _manifest_row(feedback: Feedback, prediction: Prediction) -> list[str]:
    verdict = prediction.completed.verdict
    known = {
        "path": prediction.name or prediction.id,
        "label": feedback.truth.value,
        "source": "feedback",
        "prediction_id": prediction.id,
        "spoof_llr": "" if verdict.spoof_llr is None else f"{verdict.spoof_llr:.6f}",
        "result": verdict.result or "",
        "model": prediction.completed.model_id,
        "noted_at": feedback.created_at.isoformat(),
        "note": feedback.note,
    }
    return [known.get(column, "") for column in (*COLUMNS, *FURTHER_COLUMNS)]


def _to_feedback(row: FeedbackRow) -> Feedback:
    return Feedback(row.prediction_id, Truth(row.truth), row.note, row.author, row.created_at)
