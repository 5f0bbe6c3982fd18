"""How often genuine speech of each kind is called synthetic: `python -m training.false_alarms -h`.

Bona fide recordings of the dev split, as they are and changed, and the prompts of telephone
exchanges go through the analysis that serves. Abstentions are told apart from false alarms.
"""

import argparse
import io
import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from training.gates.interventions import CODECS, Change, noise, room
from training.gates.material import Labelled, choose, of_folder
from training.partial import wav
from training.prompts import long_prompts
from veravox.analysis import Analyser, AnalysisOptions, open_analyser
from veravox.cli.evaluate import SHORTEST_SECONDS, score_file
from veravox.detection.card import MetricTable, read_card, write_card
from veravox.detection.models import SHIPPED_MODELS, ModelRegistry
from veravox.detection.verdict import Result
from veravox.evaluation.trials import ScoredFile

TITLE = "false alarms on bona fide speech"
EMOTIONAL = ("amu-cai/nEMO", "40uf411/Basic-Arabic-Vocal-Emotions-Dataset")
CHANGES: dict[str, Change] = {
    "in a far room (0.7 s, as loud as the voice)": room(0.7, 0.0),
    "noise at 20 dB": noise(20.0),
    "noise at 10 dB": noise(10.0),
    **{codec.name: codec.change for codec in CODECS},
    "MP3, then Opus": lambda samples: CODECS[1].change(CODECS[0].change(samples)),
}

log = logging.getLogger(__name__)


def main() -> None:
    """The command line."""
    arguments = _arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    folder = arguments.model or SHIPPED_MODELS / ModelRegistry().card().id
    genuine = [row for row in of_folder(arguments.audio) if not row.spoof]
    kinds = dict(recordings(genuine, arguments.clips)) | prompts(arguments.prompts, arguments.clips)
    with open_analyser(folder.parent) as analyser:
        rows = {name: measure(analyser, folder.name, files) for name, files in kinds.items()}
    for name, row in rows.items():
        log.info("%s: %s", name, json.dumps(row))
    if arguments.card:
        command = f"python -m training.false_alarms --audio DEV --clips {arguments.clips}"
        table = MetricTable(command=command, rows=rows)
        card = read_card(folder)
        write_card(card.model_copy(update={"metrics": card.metrics | {TITLE: table}}), folder)


def recordings(genuine: Sequence[Labelled], count: int) -> Iterator[tuple[str, list[bytes]]]:
    """Files of each kind: at most `count` recordings, evenly from sources, as they are or changed.

    Only the first kind is of emotional speech alone.
    """
    emotional = choose([row for row in genuine if row.source in EMOTIONAL], count)
    others = choose([row for row in genuine if row.source not in EMOTIONAL], count)
    yield "emotional", [wav(row.load()) for row in emotional]
    yield "other recordings", [wav(row.load()) for row in others]
    chosen = [row.load() for row in choose(genuine, count)]
    for name, change in CHANGES.items():
        yield name, [wav(change(samples)) for samples in chosen]


def prompts(folder: Path | None, count: int) -> dict[str, list[bytes]]:
    """At most `count` long prompts for each voice, a folder in `folder`."""
    if folder is None:
        return {}
    return {
        f"telephone prompts, {voice.name}": [p.content for p in long_prompts(voice, count).values()]
        for voice in sorted(path for path in folder.iterdir() if path.is_dir())
    }


def measure(analyser: Analyser, model: str, files: Sequence[bytes]) -> Mapping[str, float]:
    """Shares of `files`: without a verdict, wrongly called synthetic, above the threshold."""
    options = AnalysisOptions(model, minimum_seconds=SHORTEST_SECONDS)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        scored = list(pool.map(partial(_score, analyser, options), files))
    return shares(scored)


def shares(scored: Sequence[ScoredFile]) -> dict[str, float]:
    """`no_verdict` and `false_alarms` of all files; `bpcer` of those with a score, decided or not.

    A recording that is called partially spoofed is a false alarm too.
    """
    decided = [file.result for file in scored if file.result is not None]
    llrs = [file.spoof_llr for file in scored if file.spoof_llr is not None]
    wrong = sum(result is not Result.BONAFIDE for result in decided)
    row = {
        "n": float(len(scored)),
        "no_verdict": 1 - len(decided) / len(scored),
        "false_alarms": wrong / len(scored),
    }
    if llrs:
        row["bpcer"] = sum(llr >= 0.0 for llr in llrs) / len(llrs)
    return {name: round(value, 4) for name, value in row.items()}


def _score(analyser: Analyser, options: AnalysisOptions, content: bytes) -> ScoredFile:
    return score_file(analyser, io.BytesIO(content), options)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m training.false_alarms", description=__doc__)
    parser.add_argument("--audio", type=Path, required=True, help="manifest of `veravox evaluate`")
    parser.add_argument("--prompts", type=Path, help="folder with a folder of WAV files a voice")
    parser.add_argument("--clips", type=int, default=150, help="recordings of each kind")
    parser.add_argument("--model", type=Path, help="model folder; default: the shipped one")
    parser.add_argument("--card", action="store_true", help="write the results into the card")
    return parser.parse_args()


if __name__ == "__main__":
    main()
