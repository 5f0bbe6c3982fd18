"""The use cases of comparing voices: enrol, verify, identify. The service's door into the domain.

Each recording is decoded once; the detector and the speaker encoder hear the same audio.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO

from veravox.analysis import Analyser, Analysis, AnalysisOptions
from veravox.detection.verdict import Result
from veravox.errors import NoSpeech, RefusedVoice
from veravox.speaker.card import OperatingPoint, SpeakerCard
from veravox.speaker.decision import Decision, Doubt, Ruling, rule
from veravox.speaker.embedding import Embedding
from veravox.speaker.encoder import SpeakerEncoder
from veravox.speaker.policy import VoicePolicy
from veravox.speaker.scoring import Comparison, compare
from veravox.speaker.voice import (
    EnrolmentQuality,
    SpeechCollector,
    Voice,
    enrolment_quality,
    unfit_to_test,
    voice_of,
)

ENROLMENT_SECONDS = 10.0
TEST_SECONDS = 3.0
SPOOFS = (Result.SPOOFED, Result.PARTIALLY_SPOOFED)


@dataclass(frozen=True, slots=True)
class Heard:
    """A recording as both models heard it."""

    analysis: Analysis
    voice: Voice

    @property
    def embedding(self) -> Embedding:
        """The embedding of the voice. Raises NoSpeech."""
        if self.voice.embedding is None:
            raise NoSpeech("No speech detected")
        return self.voice.embedding


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A voice that can be compared with later; `processing_time` in seconds."""

    model_id: str
    embedding: Embedding
    quality: EnrolmentQuality
    analysis: Analysis
    processing_time: float


@dataclass(frozen=True, slots=True)
class Verification:
    """Whether a recording is of the voice that it was compared with."""

    model_id: str
    comparison: Comparison
    point: OperatingPoint
    ruling: Ruling
    analysis: Analysis
    processing_time: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """An enrolled voice and how it compares with the recording."""

    name: str
    comparison: Comparison


@dataclass(frozen=True, slots=True)
class Identification:
    """Whose voice a recording is of: `candidates` from the most similar on."""

    model_id: str
    candidates: tuple[Candidate, ...]
    point: OperatingPoint
    ruling: Ruling
    analysis: Analysis
    processing_time: float


class VoiceAnalyser:
    """Compares voices, each recording in constant memory; safe to share between threads."""

    def __init__(
        self, analyser: Analyser, encoder: SpeakerEncoder, policy: VoicePolicy | None = None
    ) -> None:
        """Raises InvalidRequest for a policy that the encoder's card does not offer."""
        self._analyser = analyser
        self._encoder = encoder
        self._policy = policy or VoicePolicy()
        self._point = self._policy.point(encoder.card)

    @property
    def card(self) -> SpeakerCard:
        """The card of the encoder."""
        return self._encoder.card

    @property
    def point(self) -> OperatingPoint:
        """The operating point at which voices are compared."""
        return self._point

    def enrol(self, media: BinaryIO, *, allow_spoofed: bool = False) -> Enrolment:
        """The voice in `media`, a seekable binary file at its start, of at least 10 s.

        Raises RefusedVoice for audio that the detector calls spoofed, unless `allow_spoofed`,
        NoSpeech, and MediaError and its kinds.
        """
        started = time.perf_counter()
        heard = self.hear(media, ENROLMENT_SECONDS)
        if heard.analysis.verdict.result in SPOOFS and not allow_spoofed:
            raise RefusedVoice("The voice looks synthetic and cannot enrol anybody")
        return Enrolment(
            model_id=self.card.id,
            embedding=heard.embedding,
            quality=enrolment_quality(heard.voice, self.card.quality),
            analysis=heard.analysis,
            processing_time=time.perf_counter() - started,
        )

    def verify(self, media: BinaryIO, reference: Embedding) -> Verification:
        """Whether `media`, a seekable binary file at its start, is of the voice of `reference`.

        Raises NoSpeech, and MediaError and its kinds.
        """
        started = time.perf_counter()
        heard = self.hear(media, TEST_SECONDS)
        comparison = self.compare(reference, heard)
        return Verification(
            model_id=self.card.id,
            comparison=comparison,
            point=self._point,
            ruling=self.rule(comparison, self._point, heard),
            analysis=heard.analysis,
            processing_time=time.perf_counter() - started,
        )

    def identify(self, media: BinaryIO, references: Mapping[str, Embedding]) -> Identification:
        """Which of at least one voice, by name, `media` is of, if of any.

        The threshold rises by ln n for n voices, since each is one more chance of a false match,
        and the best must lead the second by the card's margin. Raises NoSpeech, and MediaError and
        its kinds.
        """
        started = time.perf_counter()
        heard = self.hear(media, TEST_SECONDS)
        candidates = sorted(
            (Candidate(name, self.compare(e, heard)) for name, e in references.items()),
            key=lambda candidate: candidate.comparison.llr,
            reverse=True,
        )
        threshold = self._point.threshold + math.log(len(candidates))
        point = self._point.model_copy(update={"threshold": threshold})
        ruling = self.rule(candidates[0].comparison, point, heard)
        if ruling.is_match and self._is_close(candidates):
            ruling = Ruling(Decision.INCONCLUSIVE, Doubt.SEVERAL_CANDIDATES)
        return Identification(
            model_id=self.card.id,
            candidates=tuple(candidates),
            point=point,
            ruling=ruling,
            analysis=heard.analysis,
            processing_time=time.perf_counter() - started,
        )

    def hear(self, media: BinaryIO, minimum_seconds: float = TEST_SECONDS) -> Heard:
        """The recording in `media`, a seekable binary file at its start.

        Raises AudioTooShort and the other kinds of MediaError.
        """
        collector = SpeechCollector()
        options = AnalysisOptions(minimum_seconds=minimum_seconds)
        analysis = self._analyser.analyse(media, options, listener=collector)
        return Heard(analysis, voice_of(collector.result(), analysis.quality, self._encoder))

    def compare(self, reference: Embedding, heard: Heard) -> Comparison:
        """How a recording compares with a voice. Raises NoSpeech."""
        return compare(
            reference,
            heard.embedding,
            heard.voice.quality,
            self._encoder.cohort,
            self.card.normalisation,
            self.card.calibration,
        )

    def rule(self, comparison: Comparison, point: OperatingPoint, heard: Heard) -> Ruling:
        """The joint decision on a recording that was compared with a voice."""
        return rule(
            comparison.llr,
            point,
            heard.analysis.verdict,
            unfit_to_test(heard.analysis.quality, self.card.quality),
            spoof_verdict_needed=self._policy.spoof_verdict_needed,
        )

    def _is_close(self, candidates: list[Candidate]) -> bool:
        if len(candidates) < 2:
            return False
        lead = candidates[0].comparison.llr - candidates[1].comparison.llr
        return lead < self.card.identify_margin
