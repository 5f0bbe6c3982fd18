"""How well voices are compared, and whether spoofs pass: metrics, protocol runner, report."""

from veravox.evaluation.speaker.protocol import Listener, evaluate_speakers
from veravox.evaluation.speaker.trials import Judged, SpeakerTrial, Terms

__all__ = ["Judged", "Listener", "SpeakerTrial", "Terms", "evaluate_speakers"]
