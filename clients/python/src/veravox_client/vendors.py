"""Answers in the shapes of Aurigin v0 and of Neural Defend."""

from typing import Literal

from veravox_client.models import Answer


class ChunkPredictions(Answer):
    """Aurigin v0: three parallel lists, one entry for each 5-s chunk of the recording.

    `global_probability` is the confidence in the entry of `predictions`, 0 to 1; both are None
    where `error` says why.
    """

    predictions: tuple[Literal["fake", "real"] | None, ...]
    global_probability: tuple[float | None, ...]
    error: tuple[str | None, ...] = ()
    model: str | None = None
    processing_time: float | None = None
    audio_duration: float | None = None


class AudioSegment(Answer):
    """Neural Defend: a part of the recording, `start` to `end` in seconds."""

    start: float
    end: float
    prediction: str | None = None
    ai_probability: float | None = None


class AudioAnalysis(Answer):
    """Neural Defend: `confidence`, 0 to 1, is in `prediction`; both are None without speech.

    `authenticity_score` is 1 for real, `ai_probability` 1 for synthetic; Veravox adds them.
    """

    message: str
    prediction: str | None
    confidence: float | None
    authenticity_score: float | None = None
    ai_probability: float | None = None
    segments: tuple[AudioSegment, ...] = ()
    request_id: str | None = None


class DetectionAnswer(Answer):
    """Neural Defend: the whole body."""

    audio_analysis: AudioAnalysis
