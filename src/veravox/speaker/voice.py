"""A recording as comparing voices sees it: its speech, its embedding, its fitness."""

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from veravox.audio.canonical import SAMPLE_RATE, Samples
from veravox.audio.recording import Quality
from veravox.speaker.card import QualityLimits
from veravox.speaker.decision import Doubt
from veravox.speaker.embedding import Embedding
from veravox.speaker.encoder import SpeakerEncoder
from veravox.speaker.speech import spoken

LONGEST_SPEECH = 120.0
"""Seconds of speech that are embedded; more adds nothing."""


class Flaw(StrEnum):
    """Why a recording is not good enough to enrol a voice."""

    TOO_LITTLE_SPEECH = "Too little speech"
    NOISY = "Too noisy"
    CLIPPED = "Overdriven"
    SEVERAL_SPEAKERS = "More than one speaker"


@dataclass(frozen=True, slots=True)
class Voice:
    """The voice of a recording, None when it holds no speech at all.

    `self_similarity`: mean cosine between the parts and the whole, 1 for a single part.
    """

    embedding: Embedding | None
    self_similarity: float
    quality: Quality


@dataclass(frozen=True, slots=True)
class EnrolmentQuality:
    """Whether a recording can enrol a voice, and what it lacks."""

    net_speech: float
    snr_db: float | None
    clipping_ratio: float
    single_speaker: bool
    flaws: tuple[Flaw, ...]

    @property
    def accepted(self) -> bool:
        """Whether nothing is lacking."""
        return not self.flaws


@dataclass(slots=True)
class SpeechCollector:
    """Gathers the speech of a recording as it passes by, at most two minutes of it."""

    _parts: list[Samples] = field(default_factory=list[Samples])
    _size: int = 0

    def push(self, samples: Samples, speech: NDArray[np.bool_]) -> None:
        """Adds the next canonical samples, (n,), and which whole 10-ms frames hold speech."""
        room = round(LONGEST_SPEECH * SAMPLE_RATE) - self._size
        if room > 0:
            said = spoken(samples, speech)[:room]
            self._parts.append(said)
            self._size += said.size

    def result(self) -> Samples:
        """The speech so far, without its pauses."""
        return np.concatenate(self._parts) if self._parts else np.zeros(0, np.float32)


def voice_of(speech: Samples, quality: Quality, encoder: SpeakerEncoder) -> Voice:
    """The voice in `speech`, (n,), of a recording of this `quality`."""
    if speech.size == 0:
        return Voice(None, 0.0, quality)
    embedding, parts = encoder.embed(speech)
    return Voice(embedding, float((parts @ embedding).mean()), quality)


def unfit_to_test(quality: Quality, limits: QualityLimits) -> Doubt | None:
    """Why a recording of this quality cannot be compared with a voice, None when it can."""
    if quality.net_speech < limits.test_speech:
        return Doubt.TOO_LITTLE_SPEECH
    if quality.snr_db is not None and quality.snr_db < limits.snr_db:
        return Doubt.POOR_QUALITY
    return None


def enrolment_quality(voice: Voice, limits: QualityLimits) -> EnrolmentQuality:
    """Whether the recording that `voice` comes from can enrol it."""
    quality = voice.quality
    single = voice.self_similarity >= limits.self_similarity
    found = {
        Flaw.TOO_LITTLE_SPEECH: quality.net_speech < limits.enrol_speech,
        Flaw.NOISY: quality.snr_db is not None and quality.snr_db < limits.snr_db,
        Flaw.CLIPPED: quality.clipping_ratio > limits.clipping_ratio,
        Flaw.SEVERAL_SPEAKERS: voice.embedding is not None and not single,
    }
    return EnrolmentQuality(
        net_speech=quality.net_speech,
        snr_db=quality.snr_db,
        clipping_ratio=quality.clipping_ratio,
        single_speaker=voice.embedding is not None and single,
        flaws=tuple(flaw for flaw, present in found.items() if present),
    )
