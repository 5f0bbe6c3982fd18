"""Trials of held-out speakers: 10 s of speech enrolled, 4 s tested, within one corpus.

Short clips of one session are joined, so that every corpus is measured at the same durations,
pauses included. No clip is on both sides of the trials of a corpus.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from training.corpora import Corpus
from training.manifest import Clip
from training.speaker.material import session, trial_clips
from training.speaker.speech import SpeechOnly
from veravox.audio.canonical import SAMPLE_RATE, Samples, level
from veravox.audio.recording import Quality
from veravox.evaluation.metrics import eer, min_cllr

ENROL_SECONDS = 10.0
TEST_SECONDS = 4.0
MOST_PER_SESSION = 6
SHORTEST_SHARE = 0.6
SEED = 7

Channel = Callable[[Samples, np.random.Generator], Samples]


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Speech of one speaker in one session, without its pauses; `quality` is that before."""

    speaker: str
    session: str
    samples: Samples
    quality: Quality


@dataclass(frozen=True, slots=True)
class Trials:
    """All pairs of an enrolment and a test of one corpus."""

    corpus: str
    enrolments: list[Excerpt]
    tests: list[Excerpt]

    def targets(self) -> np.ndarray:
        """Whether both are of one speaker, (enrolments, tests)."""
        return _same([e.speaker for e in self.enrolments], [t.speaker for t in self.tests])

    def same_session(self) -> np.ndarray:
        """Whether both are of one session of one speaker, (enrolments, tests)."""
        enrolled = [f"{e.speaker}/{e.session}" for e in self.enrolments]
        return _same(enrolled, [f"{t.speaker}/{t.session}" for t in self.tests])


def trials(
    clips: Sequence[Clip],
    corpus_name: str,
    corpus: Corpus,
    speech: SpeechOnly,
    test_seconds: float = TEST_SECONDS,
    channel: Channel | None = None,
) -> Trials:
    """The trials of ``librispeech``, ``nemo`` or ``baved``, the same on every call.

    `channel` changes the tests and leaves the enrolments as they are.
    """
    generator = np.random.default_rng(SEED)
    by_session: dict[tuple[str, str], list[Clip]] = defaultdict(list)
    for clip in sorted(trial_clips(clips, corpus_name), key=lambda c: c.sha):
        if clip in corpus:
            by_session[clip.speaker, session(clip)].append(clip)
    enrolments: list[Excerpt] = []
    tests: list[Excerpt] = []
    for (speaker, name), members in sorted(by_session.items()):
        voices = [corpus.samples(clip) for clip in members]
        half = max(1, len(voices) * 5 // 8)
        for samples in _joined(voices[:half], ENROL_SECONDS):
            enrolments.append(Excerpt(speaker, name, *speech.measured(samples)))
        for samples in _joined(voices[half:], test_seconds):
            heard = samples if channel is None else channel(samples, generator)
            tests.append(Excerpt(speaker, name, *speech.measured(heard)))
    return Trials(corpus_name, enrolments, tests)


def _joined(voices: Sequence[Samples], seconds: float) -> list[Samples]:
    """Neighbouring clips joined and cut to `seconds`, at most six times.

    What is left over counts when nothing else does and it is at least six tenths as long.
    """
    wanted = round(seconds * SAMPLE_RATE)
    whole = np.concatenate([level(voice) for voice in voices]) if voices else np.zeros(0)
    count = min(MOST_PER_SESSION, whole.size // wanted)
    if count == 0 and whole.size >= SHORTEST_SHARE * wanted:
        return [whole]
    return [whole[n * wanted : (n + 1) * wanted] for n in range(count)]


def summarise(scores: np.ndarray, trial_set: Trials) -> dict[str, float]:
    """EERs in percent of cosine or calibrated scores, (enrolments, tests)."""
    targets, same = trial_set.targets(), trial_set.same_session()
    result = {"eer": eer(scores.ravel(), targets.ravel())}
    for title, keep in (("same_session", same | ~targets), ("cross_session", ~same)):
        if targets[keep].any():
            result[f"eer_{title}"] = eer(scores[keep], targets[keep])
    result["min_cllr"] = min_cllr(scores.ravel(), targets.ravel()) / 100.0
    return {key: round(100.0 * value, 2) for key, value in result.items()}


def _same(first: Sequence[str], second: Sequence[str]) -> np.ndarray:
    return np.array(first)[:, None] == np.array(second)[None, :]
