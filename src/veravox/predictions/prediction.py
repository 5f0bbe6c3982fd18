"""What a prediction is, and what is asked for when one is made."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from veravox.analysis import Analysis, AnalysisOptions, Progress
from veravox.detection.verdict import Result
from veravox.predictions.custody import Custody, Origin


class Status(StrEnum):
    """How far a prediction has come."""

    AWAITING_UPLOAD = "awaiting_upload"
    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELED = "canceled"


NOT_BEGUN = Progress()
UNKNOWN_CUSTODY = Custody()
UNFINISHED = (Status.AWAITING_UPLOAD, Status.QUEUED, Status.PROCESSING)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a prediction failed: `error` is a word for programs, `message` a sentence for people."""

    error: str
    message: str


@dataclass(frozen=True, slots=True)
class PredictionRequest:
    """How to analyse a recording and what to remember with the result.

    `model` is the name that answers show for the model; `prediction_id` is the caller's own,
    None for a new one; `warnings` are sentences about the request, `name` is what the recording
    was called, `origin` who asks.
    """

    options: AnalysisOptions
    model: str
    prediction_id: str | None = None
    device: str | None = None
    warnings: tuple[str, ...] = ()
    name: str | None = None
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """A stored prediction; `analysis` is None until it is completed. `created_at` is UTC.

    `progress` is how far a queued one has come, `failure` is set on a failed one, `name` is what
    the recording was called where that is known.
    """

    id: str
    status: Status
    created_at: datetime
    model: str
    device: str | None
    warnings: tuple[str, ...]
    analysis: Analysis | None
    progress: Progress = NOT_BEGUN
    failure: Failure | None = None
    name: str | None = None
    custody: Custody = UNKNOWN_CUSTODY

    @property
    def completed(self) -> Analysis:
        """The analysis. Only for a completed prediction."""
        if self.analysis is None:
            raise RuntimeError("the prediction is not completed")
        return self.analysis


@dataclass(frozen=True, slots=True)
class PredictionFilter:
    """Which predictions to list, None for any.

    `cursor` is the `next_cursor` of the page before, `limit` the most predictions on a page.
    `search` is part of the recording's name, in any case, or the beginning of the id; `since` and
    `before` bound the time of creation (UTC).
    """

    limit: int = 20
    cursor: str | None = None
    status: Status | None = None
    result: Result | None = None
    search: str | None = None
    since: datetime | None = None
    before: datetime | None = None


@dataclass(frozen=True, slots=True)
class PredictionPage:
    """Predictions, newest first; `next_cursor` is None on the last page."""

    predictions: tuple[Prediction, ...]
    next_cursor: str | None
