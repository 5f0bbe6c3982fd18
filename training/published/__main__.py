"""Ours beside published weights, same clips, same run: `python -m training.published --help`."""

import argparse
import json
from pathlib import Path

import numpy as np

from training.gates.material import choose, labels, of_folder
from training.gates.scoring import score
from training.published.aasist import SHAPES, load, spoof_score
from veravox.detection.models import ModelRegistry
from veravox.evaluation import metrics
from veravox.evaluation.bootstrap import interval, resamples


def main() -> None:
    """Prints EER and AUC with 95 % intervals as a table, and writes them to `--out`."""
    arguments = _arguments()
    chosen = choose(of_folder(arguments.audio), arguments.clips)
    samples = [recording.load() for recording in chosen]
    spoof = labels(chosen)
    detector = ModelRegistry().resolve()
    scores = {detector.card.id: score(detector, samples, arguments.threads)}
    for name in SHAPES:
        path = getattr(arguments, name.lower().replace("-", "_"))
        if path is not None:
            network = load(path, name)
            scores[name] = np.array([spoof_score(network, row) for row in samples])
    groups = [recording.group for recording in chosen]
    draws = resamples(groups, [recording.name for recording in chosen], spoof)
    rows = {
        name: {
            "n_bonafide": int((~spoof).sum()),
            "n_spoof": int(spoof.sum()),
            "eer": metrics.eer(llrs, spoof),
            "eer_interval": interval(metrics.eer, llrs, spoof, draws),
            "auc": metrics.auc(llrs, spoof),
        }
        for name, llrs in scores.items()
    }
    for name, row in rows.items():
        print(f"{name:28} {json.dumps(row)}")
    if arguments.out:
        arguments.out.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m training.published", description=__doc__)
    parser.add_argument("--audio", type=Path, required=True, help="manifest of `veravox evaluate`")
    parser.add_argument("--aasist", type=Path, help="published AASIST.pth")
    parser.add_argument("--aasist-l", type=Path, help="published AASIST-L.pth")
    parser.add_argument("--clips", type=int, default=300, help="recordings of each class")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, help="JSON file")
    return parser.parse_args()


if __name__ == "__main__":
    main()
