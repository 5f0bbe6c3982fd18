"""Predictions: made once, kept, listed and deleted."""

from veravox.predictions.prediction import (
    Prediction,
    PredictionFilter,
    PredictionPage,
    PredictionRequest,
    Status,
)
from veravox.predictions.repository import PredictionRepository
from veravox.predictions.service import PredictionService
from veravox.predictions.workbench import Workbench

__all__ = [
    "Prediction",
    "PredictionFilter",
    "PredictionPage",
    "PredictionRepository",
    "PredictionRequest",
    "PredictionService",
    "Status",
    "Workbench",
]
