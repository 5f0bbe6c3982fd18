"""A verdict in plain words, with its uncertainty.

The verbal scale for likelihood ratios is that of the ENFSI Guideline for Evaluative Reporting in
Forensic Science (2015). A ratio is never stated above the number of recordings that the model was
tested on, because nothing beyond it can have been observed.
"""

import math
from collections.abc import Iterable

from veravox.analysis import Analysis
from veravox.detection.card import ModelCard
from veravox.detection.verdict import Reason, Result, Segment, Verdict
from veravox.reports.content import TestBody

SUPPORT = (
    (2.0, "no"),
    (10.0, "weak"),
    (100.0, "moderate"),
    (1_000.0, "moderately strong"),
    (10_000.0, "strong"),
    (1_000_000.0, "very strong"),
    (math.inf, "extremely strong"),
)
HEADLINES = {
    Result.BONAFIDE: "No sign of synthetic speech was found",
    Result.SPOOFED: "The speech looks synthetic",
    Result.PARTIALLY_SPOOFED: "Parts of the speech look synthetic",
}
REASONS = {
    Reason.NO_SPEECH: "The recording does not hold enough speech to judge.",
    Reason.SILENCE: "The recording does not hold enough speech to judge.",
    Reason.TOO_LITTLE_SPEECH: "There is less speech in the recording than the model needs.",
    Reason.POOR_QUALITY: "Noise or a narrow bandwidth leave too little of the voice to judge.",
    Reason.FAILED: "No part of the recording could be analysed.",
    Reason.UNCERTAIN: (
        "The score lies so close to the decision threshold that a verdict would be wrong too often."
    ),
}
LIMITS = (
    "A verdict of this method is one piece of evidence, not proof. It should be weighed together "
    "with everything else that is known about the recording.",
    "The method can miss speech from a generator that was not among its training data, and it can "
    "call genuine speech synthetic, above all after heavy compression, noise reduction or "
    "transmission. The error rates in this report were measured on the recordings of the stated "
    "tests; on recordings of another kind they differ.",
    "Windows of about five seconds are judged. A synthetic passage that is much shorter than that "
    "can go unnoticed.",
    "The method judges whether the sound of the speech looks generated. It does not say who "
    "speaks, whether what is said is true, or whether genuine speech was cut, rearranged or taken "
    "out of context.",
    "Probabilities assume that genuine and synthetic speech were equally likely beforehand, unless "
    "another prior is stated beside them.",
    "The digests identify the bytes that this installation received. What happened to the "
    "recording before is not known to it; metadata and stated durations are claims of the file.",
    "Times are those of this installation's clock and are not attested by anybody else.",
)


def headline(verdict: Verdict) -> str:
    """The verdict in one line."""
    if verdict.result is not None:
        return HEADLINES[verdict.result]
    return f"No verdict: {(verdict.reason or Reason.UNCERTAIN).lower()}"


def explanation(analysis: Analysis, card: ModelCard, tests: list[TestBody]) -> list[str]:
    """What the verdict rests on and how sure it is, in sentences."""
    verdict = analysis.verdict
    sentences = [*_channel(analysis), _ground(analysis)]
    llr = verdict.spoof_llr
    if llr is not None and verdict.result in (Result.BONAFIDE, Result.SPOOFED):
        sentences.append(_evidence(llr, tests))
    if verdict.result is None:
        sentences.append(
            "A recording without a verdict is to be treated as unknown, never as genuine."
        )
    else:
        sentences.append(_errors(tests))
    if analysis.threshold != card.threshold:
        sentences.append(
            f"The decision threshold of {percent(analysis.threshold)} was chosen by the sender; "
            f"the model's own, for which error rates are known, is {percent(card.threshold)}."
        )
    if verdict.result is Result.BONAFIDE:
        sentences.append("This is not proof that the recording is genuine.")
    return sentences


def percent(share: float) -> str:
    """A share, 0..1, in per cent; what would round to 0 or 100 without being it is not rounded."""
    if 0.0 < share < 0.001:
        return "below 0.1 %"
    if 0.999 < share < 1.0:
        return "above 99.9 %"
    return f"{100.0 * share:.1f} %"


def clock(seconds: float) -> str:
    """A position in a recording, h:mm:ss.s or m:ss.s."""
    tenths = round(10.0 * seconds)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    tail = f"{minutes:02d}:{rest / 10:04.1f}" if hours else f"{minutes}:{rest / 10:04.1f}"
    return f"{hours}:{tail}" if hours else tail


def support(ratio: float) -> str:
    """The ENFSI word for the support that a likelihood ratio of at least 1 gives."""
    return next(word for bound, word in SUPPORT if ratio < bound)


def hardest(tests: Iterable[TestBody]) -> TestBody | None:
    """The test with the highest EER among those that state error rates."""
    rated = [test for test in tests if test.bpcer is not None and test.apcer is not None]
    return max(rated, key=lambda test: test.eer or 0.0, default=None)


def _channel(analysis: Analysis) -> list[str]:
    """Which channel the verdict is on, where they were judged apart."""
    judged = [c.channel for c in analysis.channels if c.verdict == analysis.verdict]
    if not judged:
        return []
    return [
        f"The channels were judged apart. This is the verdict on channel {judged[0]}, the most "
        "suspicious of them; channels are counted from 0."
    ]


def _ground(analysis: Analysis) -> str:
    verdict = analysis.verdict
    scored = [segment for segment in analysis.segments if segment.spoof_llr is not None]
    of_all = f"{len(scored)} of {len(analysis.segments)} windows hold enough speech to be scored"
    if verdict.result is Result.PARTIALLY_SPOOFED:
        return (
            f"{of_all}; {_called(scored)} of them are called spoofed, among them neighbours that "
            "lie clearly above what long genuine recordings show, while others look clearly "
            "genuine. The score of the whole recording says little about its parts."
        )
    if verdict.result is None:
        reason = REASONS[verdict.reason or Reason.UNCERTAIN]
        return f"{reason} {of_all}."
    side = "at or above" if verdict.result is Result.SPOOFED else "below"
    return (
        f"The score of the whole recording lies {side} the decision threshold. {of_all}; "
        f"{_called(scored)} of them, taken by themselves, are called spoofed."
    )


def _called(scored: list[Segment]) -> str:
    count = sum(segment.result is Result.SPOOFED for segment in scored)
    return "none" if count == 0 else str(count)


def _evidence(llr: float, tests: list[TestBody]) -> str:
    """The likelihood ratio in words, within what the tests can bear out."""
    more, less = ("synthetic", "genuine") if llr > 0.0 else ("genuine", "synthetic")
    ratio = math.exp(min(abs(llr), 30.0))
    test = hardest(tests)
    bound = None if test is None else (test.n_bonafide if llr > 0.0 else test.n_spoof)
    capped = bound is not None and ratio > bound
    stated = float(bound) if bound is not None and capped else ratio
    if stated < 2.0:
        return "The findings are about as probable for genuine as for synthetic speech."
    amount = f"at least {bound:,}" if capped else f"about {_two_digits(stated):,}"
    return (
        f"The findings are {amount} times more probable if the speech is {more} than if it is "
        f"{less}: {support(stated)} support for {more} speech on the scale of ENFSI (2015)."
        + (" The model's tests are too small to bear out a higher ratio." if capped else "")
    )


def _two_digits(number: float) -> int:
    """Rounded to two significant digits."""
    digits = max(0, math.floor(math.log10(number)) - 1)
    return round(number / 10**digits) * 10**digits


def _errors(tests: list[TestBody]) -> str:
    test = hardest(tests)
    if test is None or test.bpcer is None or test.apcer is None:
        return "The model's card states no error rates."
    rates = (
        f"In the hardest of the model's own tests ({test.title}), without abstaining, "
        f"{percent(test.bpcer)} of the genuine recordings were called spoofed and "
        f"{percent(test.apcer)} of the synthetic ones were missed."
    )
    if test.cllr is None:
        return rates
    return (
        f"{rates} The likelihood ratios cost {test.cllr:.2f} bits there, where 0 is perfect and 1 "
        "is no information."
    )
