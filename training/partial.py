"""How well inserted speech is found: `python -m training.partial --help`.

Spliced recordings and untouched ones go through the analysis that serves. The rule of the card is
compared with others: tau from the highest window or from the highest pair of neighbours of long
genuine recordings, runs of two or three windows, with or without the windows half-way.
"""

import argparse
import io
import json
import logging
import os
import wave
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from training.corpora import LONGEST_SECONDS, open_corpus
from training.dataset import Sources, read_clips
from training.splicing import Spliced, hosts, splice_all
from veravox.analysis import Analyser, AnalysisOptions, open_analyser
from veravox.audio.canonical import SAMPLE_RATE, Samples
from veravox.audio.recording import Quality
from veravox.detection.card import MetricTable, ModelCard, PartialRule, read_card, write_card
from veravox.detection.models import SHIPPED_MODELS, ModelRegistry
from veravox.detection.rules import decide
from veravox.detection.thresholds import fit_tau
from veravox.detection.verdict import Result, Segment

TITLE = "partial spoofs"
PEAK = 0.5

Part = tuple[Segment, ...]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Heard:
    """The scored segments of recordings: with spoofs in them, with real speech in them, as is."""

    spliced: list[Part]
    respliced: list[Part]
    untouched: list[Part]
    quality: Quality


def main() -> None:
    """The command line."""
    arguments = _arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    sources = Sources(tuple(arguments.manifest), Path(), arguments.synthesis)
    clips = [clip for clip in read_clips(sources) if clip.split == arguments.split]
    corpus = open_corpus(clips, arguments.corpus)
    clips = [clip for clip in clips if clip in corpus]
    folder = arguments.model or SHIPPED_MODELS / ModelRegistry().card().id
    with open_analyser(folder.parent) as analyser:
        listen = _Listener(analyser, folder.name)
        spliced = list(splice_all(clips, corpus, spoof=True, count=arguments.count))
        respliced = list(splice_all(clips, corpus, spoof=False, count=arguments.count))
        untouched = [
            np.concatenate([corpus.samples(clip) for clip in host.clips])
            for host in hosts(clips, corpus)[: arguments.count]
        ]
        log.info(
            "%d spoofed inserts, %d real ones, %d untouched",
            len(spliced),
            len(respliced),
            len(untouched),
        )
        heard = Heard(
            spliced=listen(item.samples for item in spliced),
            respliced=listen(item.samples for item in respliced),
            untouched=listen(untouched),
            quality=listen.quality,
        )
    card = read_card(folder)
    command = f"python -m training.partial --split {arguments.split} --count {arguments.count}"
    rows = measure(heard, spliced, card)
    for name, row in rows.items():
        log.info("%s: %s", name, json.dumps(row))
    if arguments.card:
        title = f"{TITLE}, {arguments.split}"
        table = MetricTable(command=command, rows=rows)
        write_card(card.model_copy(update={"metrics": card.metrics | {title: table}}), folder)


def measure(
    heard: Heard, spliced: Sequence[Spliced], card: ModelCard
) -> dict[str, dict[str, float]]:
    """Recall on spliced recordings and the rate of false alarms on the others, for each rule.

    `recall`: share of recordings with a spoofed insert that are called partially spoofed;
    `false_alarms_*`: share of recordings with a real insert, or of untouched ones, so called.
    """
    genuine = [_llrs(part) for part in heard.untouched]
    pairs = [[min(a, b) for a, b in pairwise(row)] or row for row in genuine]
    by_pairs = _with_tau(card, pairs)
    variants: dict[str, tuple[ModelCard, Callable[[Part], Part]]] = {
        "rule of the card": (card, lambda part: part),
        "without windows half-way": (card, _without_halfway),
        "tau of these recordings' windows": (_with_tau(card, genuine), lambda part: part),
        "tau of these recordings' pairs of windows": (by_pairs, lambda part: part),
    }
    rows = {}
    for name, (rule, prepared) in variants.items():

        def called(
            parts: Iterable[Part],
            rule: ModelCard = rule,
            prepared: Callable[[Part], Part] = prepared,
        ) -> np.ndarray:
            return np.array([_partial(prepared(part), heard.quality, rule) for part in parts])

        found = called(heard.spliced)
        same = np.array([item.same_speaker for item in spliced])
        rows[name] = {
            "n_spliced": float(found.size),
            "recall": _share(found),
            "n_same_speaker": float(same.sum()),
            "recall_same_speaker": _share(found[same]),
            "n_respliced": float(len(heard.respliced)),
            "false_alarms_respliced": _share(called(heard.respliced)),
            "n_untouched": float(len(heard.untouched)),
            "false_alarms_untouched": _share(called(heard.untouched)),
        }
    return {name: {k: v for k, v in row.items() if not np.isnan(v)} for name, row in rows.items()}


def _with_tau(card: ModelCard, recordings: Sequence[Sequence[float]]) -> ModelCard:
    tau = fit_tau(recordings, card.threshold)
    rule = PartialRule(tau=tau, clearly_bonafide=card.partial.clearly_bonafide)
    return card.model_copy(update={"partial": rule})


def _partial(part: Part, quality: Quality, card: ModelCard) -> bool:
    _, verdict = decide(part, quality, card, card.threshold)
    return verdict.result is Result.PARTIALLY_SPOOFED


def _without_halfway(part: Part) -> Part:
    return tuple(replace(segment, halfway=None) for segment in part)


def _llrs(part: Part) -> list[float]:
    return [segment.spoof_llr for segment in part if segment.spoof_llr is not None]


def _share(called: np.ndarray) -> float:
    return round(float(called.mean()), 4) if called.size else float("nan")


class _Listener:
    """The serving analysis, with every suspicious window looked at closely."""

    def __init__(self, analyser: Analyser, model: str) -> None:
        self._analyser = analyser
        self._options = AnalysisOptions(model)
        self.quality = Quality(60.0, 0.0, SAMPLE_RATE / 2, -26.0, float(LONGEST_SECONDS))

    def __call__(self, recordings: Iterable[Samples]) -> list[Part]:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return list(pool.map(self._segments, recordings))

    def _segments(self, samples: Samples) -> Part:
        analysis = self._analyser.analyse(io.BytesIO(wav(samples)), self._options)
        return analysis.segments


def wav(samples: Samples) -> bytes:
    """Samples at 16 kHz as a WAV file of 16 bits."""
    pcm = np.round(samples * (PEAK * 32_767 / np.abs(samples).max())).astype("<i2")
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(pcm.tobytes())
    return target.getvalue()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m training.partial", description=__doc__)
    parser.add_argument("--manifest", type=Path, required=True, action="append", help="repeatable")
    parser.add_argument("--corpus", type=Path, required=True, help="decoded corpus")
    parser.add_argument("--synthesis", type=Path, default=Path("cache/synthesis"))
    parser.add_argument("--split", choices=("train", "dev"), default="dev")
    parser.add_argument("--count", type=int, default=200, help="recordings of each kind")
    parser.add_argument("--model", type=Path, help="model folder; default: the shipped one")
    parser.add_argument("--card", action="store_true", help="write the results into the card")
    return parser.parse_args()


if __name__ == "__main__":
    main()
