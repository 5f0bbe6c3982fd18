"""Verdicts in plain words, with what is uncertain about them."""

from collections.abc import Sequence
from dataclasses import dataclass

from veravox.analysis import Analysis
from veravox.detection.attribution import UNKNOWN
from veravox.detection.calibration import spoof_probability
from veravox.detection.card import ModelCard
from veravox.detection.rules import confidence, overall_confidence
from veravox.detection.verdict import GeneratorFamily, Reason, Result, Segment, Verdict
from veravox.stream_analysis import StreamWindow

PRIORS = ((2, 0.5), (10, 0.1), (100, 0.01), (1000, 0.001))
BANDS = (
    (0.9, "very high", "Recordings like this one can be trusted to be judged right as a rule."),
    (0.7, "high", "Generally reliable."),
    (0.4, "moderate", "Look at the segments below before you rely on it."),
    (0.0, "low", "Have a person listen."),
)
SHADES = 10

_TITLES = {
    Result.BONAFIDE: "Likely genuine",
    Result.SPOOFED: "Likely synthetic",
    Result.PARTIALLY_SPOOFED: "Partly synthetic",
    None: "No verdict",
}
_MEANINGS = {
    Result.BONAFIDE: "As a whole, the voice shows no sign of synthesis. That is not proof: "
    "a generator that the detector has never met can pass.",
    Result.SPOOFED: "The recording as a whole looks as if a machine had made the voice.",
    Result.PARTIALLY_SPOOFED: "A run of segments looks clearly synthetic, while others look "
    "clearly genuine.",
}
_REASONS = {
    Reason.SILENCE: ("It holds more silence, noise or music than allowed.", "Send speech."),
    Reason.NO_SPEECH: ("No part of the recording holds enough speech.", "Send speech."),
    Reason.TOO_LITTLE_SPEECH: (
        "There is less speech in it than the model needs.",
        "Send a longer recording.",
    ),
    Reason.POOR_QUALITY: (
        "It is too noisy or its frequency range is too narrow.",
        "Use a better microphone or line, or the original file.",
    ),
    Reason.UNCERTAIN: (
        "The score lies so close to the threshold that errors would be too frequent.",
        "Send a longer or cleaner recording, or have a person listen.",
    ),
    Reason.FAILED: ("No part of the recording could be analysed.", "Try again."),
}
_MEANINGS_SO_FAR = {
    Result.BONAFIDE: "Nothing that was heard shows a sign of synthesis. That is not proof.",
    Result.SPOOFED: "What was heard looks as if a machine had made the voice.",
    Result.PARTIALLY_SPOOFED: "Some of what was heard looks clearly synthetic, other parts "
    "clearly genuine.",
}
_NOT_ENOUGH_YET = "Not enough speech was heard for a verdict."
_REASONS_SO_FAR = {
    Reason.SILENCE: _NOT_ENOUGH_YET,
    Reason.NO_SPEECH: _NOT_ENOUGH_YET,
    Reason.TOO_LITTLE_SPEECH: _NOT_ENOUGH_YET,
    Reason.POOR_QUALITY: "The sound is too poor for a verdict.",
    Reason.UNCERTAIN: "The score lies too close to the threshold for a verdict.",
    Reason.FAILED: "Nothing that was heard could be analysed.",
}
_UNJUDGED = {
    Reason.SILENCE: "There was hardly any speech in the last seconds; they were not judged.",
    Reason.NO_SPEECH: "There was too little speech in the last seconds; they were not judged.",
    Reason.FAILED: "The last seconds could not be analysed.",
}


@dataclass(frozen=True, slots=True)
class PlainVerdict:
    """A verdict in words. `tone` is the word for its colour; `advice` says what helps."""

    title: str
    tone: str
    meaning: str
    advice: str | None


@dataclass(frozen=True, slots=True)
class Certainty:
    """How sure a verdict is: the spoof probability at even odds, and the confidence in words.

    `by_prior`: one in how many recordings is synthetic -> the probability that this one is.
    """

    probability: float
    confidence: float
    level: str
    advice: str
    by_prior: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class KnownErrors:
    """The error rates that were measured in the test `name`, shares 0..1."""

    name: str
    missed: float
    false_alarms: float


@dataclass(frozen=True, slots=True)
class Stretch:
    """Neighbouring windows that look synthetic, `start` to `end` in seconds."""

    start: float
    end: float


@dataclass(frozen=True, slots=True)
class PlainSegment:
    """A window for the timeline. `shade` 0..9 is its colour, None when it was not scored.

    `span`: the seconds that it takes up there, less than its length where it overlaps the one
    before. Times in seconds, `probability` and `silence` shares 0..1.
    """

    number: int
    start: float
    end: float
    span: float
    probability: float | None
    shade: int | None
    confidence: float | None
    silence: float
    label: str


def plain_verdict(verdict: Verdict) -> PlainVerdict:
    """What a verdict means."""
    title = _TITLES[verdict.result]
    if verdict.result is not None:
        return PlainVerdict(title, verdict.result.value, _MEANINGS[verdict.result], None)
    meaning, advice = _REASONS[verdict.reason or Reason.UNCERTAIN]
    return PlainVerdict(title, "none", meaning, advice)


def short_verdict(result: Result | None) -> str:
    """A verdict in two words."""
    return _TITLES[result]


def certainty(analysis: Analysis) -> Certainty | None:
    """How sure the verdict is; None when nothing was scored."""
    llr = analysis.verdict.spoof_llr
    overall = overall_confidence(analysis.segments, analysis.threshold)
    if llr is None or overall is None:
        return None
    level, advice = _band(overall)
    return Certainty(
        probability=spoof_probability(llr),
        confidence=overall,
        level=level,
        advice=advice,
        by_prior=tuple((count, spoof_probability(llr, prior)) for count, prior in PRIORS),
    )


def known_errors(card: ModelCard) -> KnownErrors | None:
    """What the hardest test on the card found, None for a card without error rates."""
    tests = [
        KnownErrors(name, table.rows["all"]["apcer"], table.rows["all"]["bpcer"])
        for name, table in card.metrics.items()
        if {"apcer", "bpcer"} <= table.rows.get("all", {}).keys()
    ]
    return max(tests, key=lambda test: test.missed + test.false_alarms, default=None)


def running_verdict(window: StreamWindow) -> PlainVerdict:
    """What a live voice sounds like up to and with a window."""
    if window.running is not None:
        title = f"{_TITLES[window.running]} so far"
        return PlainVerdict(title, window.running.value, _MEANINGS_SO_FAR[window.running], None)
    meaning = _REASONS_SO_FAR[window.so_far.verdict.reason or Reason.UNCERTAIN]
    return PlainVerdict("No verdict yet", "none", meaning, None)


def sureness(confidence: float) -> str:
    """A confidence, 0..1, in words."""
    level, advice = _band(confidence)
    return f"Confidence {confidence:.2f}, {level}. {advice}"


def hindrances(window: StreamWindow) -> list[str]:
    """What keeps the sound of a window, or all of it so far, from being judged, and what helps."""
    found: list[str] = []
    reason = window.segment.reason
    if reason is not None and reason in _UNJUDGED:
        found.append(_UNJUDGED[reason])
    if window.so_far.verdict.reason is Reason.POOR_QUALITY:
        quality = window.so_far.quality
        noise = "" if quality.snr_db is None else f"{quality.snr_db:.0f} dB above the noise, "
        found.append(
            f"The sound is too poor to judge ({noise}up to {quality.bandwidth_hz / 1000:.1f} kHz). "
            "Come closer to the microphone, or go where it is quieter."
        )
    return found


def generator_family(generator: GeneratorFamily) -> tuple[str, str]:
    """Which kind of generator a spoof is taken for, in a word, and what that is worth."""
    if generator.family == UNKNOWN:
        return "Unknown", (
            "No family that the model knows fits well enough. That is the usual answer for a "
            "generator that it has never met, and says nothing against the verdict."
        )
    level, _ = _band(generator.confidence)
    return generator.family.capitalize(), (
        f"Confidence {generator.confidence:.2f}, {level}. It is the family that the voice looks "
        "most like, not a product; generators that the model has never met can be taken for it."
    )


def plain_segments(segments: Sequence[Segment], threshold: float) -> list[PlainSegment]:
    """The windows of a recording in order."""
    shown: list[PlainSegment] = []
    before = 0.0
    for segment in segments:
        shown.append(plain_segment(segment, threshold, segment.end - max(before, segment.start)))
        before = segment.end
    return shown


def synthetic_stretches(segments: Sequence[Segment]) -> list[Stretch]:
    """Where a recording looks synthetic, whatever the verdict on the whole of it is."""
    found: list[Stretch] = []
    for segment in segments:
        if segment.result is not Result.SPOOFED:
            continue
        if found and segment.start <= found[-1].end:
            found[-1] = Stretch(found[-1].start, segment.end)
        else:
            found.append(Stretch(segment.start, segment.end))
    return found


def plain_segment(segment: Segment, threshold: float, span: float) -> PlainSegment:
    """A window that takes `span` seconds of the timeline; `threshold` is a probability."""
    llr = segment.spoof_llr
    probability = None if llr is None else spoof_probability(llr)
    return PlainSegment(
        number=segment.index + 1,
        start=segment.start,
        end=segment.end,
        span=span,
        probability=probability,
        shade=None if probability is None else min(SHADES - 1, int(probability * SHADES)),
        confidence=None if probability is None else confidence(probability, threshold),
        silence=segment.silence,
        label=_label(segment),
    )


def _band(share: float) -> tuple[str, str]:
    """A confidence, 0..1, as a word, and what to do at it."""
    return next((word, advice) for low, word, advice in BANDS if share >= low)


def _label(segment: Segment) -> str:
    if segment.spoof_llr is None:
        return f"not judged: {(segment.reason or Reason.SILENCE).value.lower()}"
    if segment.result is None:
        return f"no verdict: {(segment.reason or Reason.UNCERTAIN).value.lower()}"
    return "synthetic" if segment.result is Result.SPOOFED else "genuine"
