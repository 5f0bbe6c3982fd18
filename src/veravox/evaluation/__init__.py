"""How well a detector does on labelled recordings: metrics, protocol runner, plots, report."""

from veravox.evaluation.protocol import ScoredFile, evaluate

__all__ = ["ScoredFile", "evaluate"]
