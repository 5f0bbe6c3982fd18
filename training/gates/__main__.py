"""Runs gates on a model: `python -m training.gates --help`. Exit code 1 when a required one fails.

The recordings come from a manifest of `veravox evaluate` (`--audio`), or are the dev split of
training manifests in the decoded corpus (`--manifest`, `--corpus`). `hygiene` needs the manifests,
and `nuisance` scikit-learn.
"""

import argparse
import json
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from training.corpora import open_corpus
from training.dataset import Sources, read_clips
from training.gates import hygiene, interventions, nuisance, scoring
from training.gates.material import Labelled, choose, labels, of_corpus, of_folder
from training.manifest import read_manifest
from veravox.detection.card import MetricTable, read_card, write_card
from veravox.detection.detector import OnnxDetector
from veravox.detection.models import SHIPPED_MODELS, ModelRegistry

Rows = dict[str, dict[str, float]]
DETERMINISM_CLIPS = 48

log = logging.getLogger(__name__)


def main() -> None:
    """The command line."""
    arguments = _arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    folder = arguments.model or SHIPPED_MODELS / ModelRegistry().card().id
    gates: dict[str, Callable[[], Rows]] = {
        "determinism": lambda: _determinism(folder, _recordings(arguments)),
        "hygiene": lambda: _hygiene(arguments.manifest),
        "interventions": lambda: _interventions(folder, _recordings(arguments)),
        "nuisance": lambda: _nuisance(_recordings(arguments)),
    }
    command = f"python -m training.gates {' '.join(arguments.gates or gates)}"
    tables: dict[str, MetricTable] = {}
    for name in arguments.gates or gates:
        rows = gates[name]()
        tables[f"gate: {name}"] = MetricTable(command=command, rows=rows)
        for row, values in rows.items():
            log.info("%s, %s: %s", name, row, json.dumps(values))
    described = {title: table.model_dump() for title, table in tables.items()}
    if arguments.out:
        arguments.out.write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")
    if arguments.card:
        card = read_card(folder)
        write_card(card.model_copy(update={"metrics": card.metrics | tables}), folder)
    sys.exit(int(bool(_failures(tables))))


def _determinism(folder: Path, recordings: Sequence[Labelled]) -> Rows:
    samples = [
        recording.load()
        for recording in recordings[:: max(1, len(recordings) // DETERMINISM_CLIPS)]
    ]
    worst = scoring.determinism(folder, samples)
    limit = scoring.LARGEST_DIFFERENCE
    return {
        name: {
            "difference": difference,
            "limit": limit,
            "required": float(name != scoring.SPLIT),
            "kept": float(difference <= limit),
        }
        for name, difference in worst.items()
    }


def _hygiene(manifests: Sequence[Path]) -> Rows:
    sources = Sources(tuple(manifests), Path(), Path("cache/synthesis"))
    found = hygiene.straddling(read_clips(sources))
    for kind, names in found.items():
        if names:
            log.warning("in both splits, %s: %s", kind, ", ".join(names[:10]))
    return {
        kind: {
            "straddling": float(len(names)),
            "required": float(kind != hygiene.SOURCE),
            "kept": float(not names),
        }
        for kind, names in found.items()
    }


def _interventions(folder: Path, recordings: Sequence[Labelled]) -> Rows:
    samples = [recording.load() for recording in recordings]
    spoof = labels(recordings)
    measured = interventions.measure(OnnxDetector(folder), samples, spoof, os.cpu_count() or 1)
    measured["unchanged"] |= {
        "n_bonafide": float((~spoof).sum()),
        "n_spoof": float(spoof.sum()),
    }
    return measured


def _nuisance(recordings: Sequence[Labelled]) -> Rows:
    return {"boosted trees": nuisance.probe(recordings)}


def _recordings(arguments: argparse.Namespace) -> list[Labelled]:
    if arguments.audio:
        found = of_folder(arguments.audio)
    elif arguments.manifest and arguments.corpus:
        clips = [c for path in arguments.manifest for c in read_manifest(path)]
        dev = [c for c in clips if c.split == "dev" and c.label in ("bonafide", "spoof")]
        found = of_corpus(dev, open_corpus(dev, arguments.corpus))
    else:
        sys.exit("give --audio, or --manifest and --corpus")
    return choose(found, arguments.clips)


def _failures(tables: dict[str, MetricTable]) -> list[str]:
    failed = [
        f"{title}, {name}"
        for title, table in tables.items()
        for name, row in table.rows.items()
        if row.get("required") and not row["kept"]
    ]
    for name in failed:
        log.error("failed: %s", name)
    return failed


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m training.gates", description=__doc__)
    known = ("determinism", "hygiene", "interventions", "nuisance")
    parser.add_argument("gates", nargs="*", choices=known, help="default: all")
    parser.add_argument("--audio", type=Path, help="manifest of `veravox evaluate`")
    parser.add_argument("--manifest", type=Path, action="append", default=[], help="repeatable")
    parser.add_argument("--corpus", type=Path, help="decoded corpus of the manifests")
    parser.add_argument("--clips", type=int, default=300, help="recordings of each class")
    parser.add_argument("--model", type=Path, help="model folder; default: the shipped one")
    parser.add_argument("--out", type=Path, help="JSON file for the results")
    parser.add_argument("--card", action="store_true", help="write the results into the card")
    return parser.parse_args()


if __name__ == "__main__":
    main()
