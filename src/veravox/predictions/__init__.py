"""Predictions: made once, kept, listed and deleted."""

from veravox.predictions.custody import Custody, FileFacts, Origin, file_facts
from veravox.predictions.listener import FinishedListener, FinishedPrediction
from veravox.predictions.prediction import (
    UNFINISHED,
    Failure,
    Prediction,
    PredictionFilter,
    PredictionPage,
    PredictionRequest,
    Status,
)
from veravox.predictions.queue import Claimed, PredictionQueue, QueuedPrediction
from veravox.predictions.repository import PredictionRepository
from veravox.predictions.service import PredictionService
from veravox.predictions.workbench import Workbench

__all__ = [
    "UNFINISHED",
    "Claimed",
    "Custody",
    "Failure",
    "FileFacts",
    "FinishedListener",
    "FinishedPrediction",
    "Origin",
    "Prediction",
    "PredictionFilter",
    "PredictionPage",
    "PredictionQueue",
    "PredictionRepository",
    "PredictionRequest",
    "PredictionService",
    "QueuedPrediction",
    "Status",
    "Workbench",
    "file_facts",
]
