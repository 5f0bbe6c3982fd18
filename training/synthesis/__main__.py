"""Makes the synthetic part of the training data: `python -m training.synthesis --help`.

Each set is kept and resumed by itself; nothing that exists is made again.
"""

import argparse
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch

from training.corpora import Corpus, open_corpus
from training.dataset import non_commercial
from training.manifest import Clip, read_manifest
from training.synthesis import copying, hibari, hifigan, kokoro, legacy, piper
from training.synthesis.sets import Engine, Planned, produce
from training.synthesis.vocoder_training import fitted
from training.synthesis.vocoders import GENERATORS

SPOKEN_SETS: dict[str, Callable[[], Iterator[Planned]]] = {
    "kokoro": kokoro.plan,
    "piper": piper.plan,
    "hibari": hibari.plan,
    "espeak-ng": legacy.plan_espeak,
    "flite": legacy.plan_flite,
    "festival": legacy.plan_festival,
}
COPIERS = {**copying.COPIERS, "hifi-gan": (hifigan.ENGINE, hifigan.copy)}
NEURAL_COPIES = {f"neural-{name}": name for name in GENERATORS}
COPIES = tuple(f"copy-{name}" for name in (*COPIERS, *NEURAL_COPIES))
SETS = (*SPOKEN_SETS, *COPIES)
NEURAL = Engine("neural vocoder", "vocoder", 2026, "Apache-2.0")
HEARD_CLIPS = 3000
"""On how many recordings the neural vocoders are fitted."""

log = logging.getLogger(__name__)


def main() -> None:
    """The command line."""
    arguments = _arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(1)
    for name, planned in _planned(arguments):
        started = time.perf_counter()
        made = produce(name, planned, arguments.out)
        took = time.perf_counter() - started
        log.info(
            "%s: %d clips, %.2f h, %.3f x real time",
            *(name, made.clips, made.seconds / 3600, took / max(made.seconds, 1e-9)),
        )


def _planned(arguments: argparse.Namespace) -> Iterator[tuple[str, Iterator[Planned]]]:
    wanted = arguments.only or SETS
    for name, plan in SPOKEN_SETS.items():
        if name in wanted:
            yield name, plan()
    copies = [name.removeprefix("copy-") for name in COPIES if name in wanted]
    if copies:
        reserved = set(arguments.reserved.read_text().split()) if arguments.reserved else set()
        listed = read_manifest(arguments.manifest)
        withheld = reserved | non_commercial(listed)
        clips = [clip for clip in listed if clip.sha not in withheld]
        corpus = open_corpus(clips, arguments.corpus)
        originals = copying.choose_originals(clips, corpus, arguments.originals)
        for name in copies:
            engine, copier = _copier(name, clips, corpus, arguments.out)
            yield f"copy-{name}", copying.plan_copies(name, engine, copier, originals, corpus)


def _copier(
    name: str, clips: Sequence[Clip], corpus: Corpus, out: Path
) -> tuple[Engine, copying.Copier]:
    if name in COPIERS:
        return COPIERS[name]
    heard = copying.choose_originals(clips, corpus, HEARD_CLIPS)
    return NEURAL, fitted(NEURAL_COPIES[name], heard, corpus, out / "vocoders")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m training.synthesis", description=__doc__)
    parser.add_argument("--manifest", type=Path, required=True, help="manifest.csv.gz")
    parser.add_argument(
        "--corpus", type=Path, default=Path("cache/corpus"), help="decoded originals"
    )
    parser.add_argument("--out", type=Path, default=Path("cache/synthesis"), help="folder of sets")
    parser.add_argument(
        "--reserved", type=Path, help="blob hashes, one a line, of what must not be used"
    )
    parser.add_argument("--only", choices=SETS, action="append", help="this set, repeatable")
    parser.add_argument("--originals", type=int, default=250, help="recordings to copy")
    return parser.parse_args()


if __name__ == "__main__":
    main()
