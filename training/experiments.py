"""Runs experiments on the cached features: `python -m training.experiments --help`.

Each changes one thing of the shipped recipe and is judged by the selection signal of
`training.crossval`: the error on modern systems in repositories held out, clean and through a
channel. A line of docs/experiments.md is printed for each.
"""

import argparse
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from training.crossval import cross_validate
from training.features import Features
from training.heads import HeadOptions
from training.manifest import Clip
from training.prepare import add_arguments, prepare, sources_of
from training.systems import base_name, modern_family


@dataclass(frozen=True, slots=True)
class Experiment:
    """`usable`: which clips are trained on; `options`: what differs in the head."""

    change: str
    usable: Callable[[Clip], bool] | None = None
    options: dict[str, Any] = field(default_factory=dict[str, Any])


def share_of_systems(share: float) -> Callable[[Clip], bool]:
    """Keeps that share of the spoof systems, and all bona fide speech."""

    def kept(clip: Clip) -> bool:
        digest = hashlib.sha256(base_name(clip.system).encode()).digest()
        return not clip.spoof or int.from_bytes(digest[:4], "big") < share * 2**32

    return kept


def without_family(name: str) -> Callable[[Clip], bool]:
    """Leaves out the spoofs of one modern family."""
    return lambda clip: not clip.spoof or modern_family(clip.system) != name


NEWEST = 2024
"""The year from which on a page counts as new."""

EXPERIMENTS: dict[str, Experiment] = {
    "recipe": Experiment("the recipe that is shipped"),
    "systems-12": Experiment("an eighth of the systems", share_of_systems(1 / 8)),
    "systems-25": Experiment("a quarter of the systems", share_of_systems(1 / 4)),
    "systems-50": Experiment("half of the systems", share_of_systems(1 / 2)),
    "no-synthesis": Experiment("nothing that we synthesised", lambda clip: not clip.synthetic),
    "no-copies": Experiment("no copy-synthesis", lambda clip: not clip.pair),
    "before-2022": Experiment(
        "no spoof by a modern system", lambda clip: not clip.spoof or not modern_family(clip.system)
    ),
    "modern-only": Experiment(
        "no spoof by an older system",
        lambda clip: not clip.spoof or clip.synthetic or modern_family(clip.system) is not None,
    ),
    "before-2024": Experiment(
        "no spoof from a page of 2024 or later", lambda clip: not clip.spoof or clip.year < NEWEST
    ),
    "newest": Experiment(
        "no spoof from a page of before 2024", lambda clip: not clip.spoof or clip.year >= NEWEST
    ),
    "mean-and-deviation": Experiment("without frame differences", options={"statistics": (0, 1)}),
    "mean-only": Experiment("means only", options={"statistics": (0,)}),
    "linear": Experiment("a linear head", options={"hidden": 0}),
    "wide": Experiment("256 hidden units", options={"hidden": 256}),
    "no-floor": Experiment("features divided by however little they vary", options={"floor": 1e-4}),
    "uniform": Experiment("drawn uniformly over systems and sources", options={"balance": 1.0}),
    "clips": Experiment("drawn uniformly over clips", options={"balance": 0.0}),
}


def run(experiment: Experiment, features: Features, seeds: int) -> np.ndarray:
    """EER, clean and through a channel, for each seed: (seeds, 2)."""
    options = HeadOptions(**experiment.options)
    results = [
        cross_validate(features, options, usable=experiment.usable, seed=seed)
        for seed in range(seeds)
    ]
    return np.array([(result.eer, result.eer_augmented) for result in results])


def row(experiment: Experiment, errors: np.ndarray) -> str:
    """A line of the table in docs/experiments.md; `errors` as `run` gives them."""
    mean, spread = 100 * errors.mean(axis=0), 100 * np.ptp(errors, axis=0)
    cells = (f"{m:.1f} ({s:.1f})" for m, s in zip(mean, spread, strict=True))
    return f"| {experiment.change} | {' | '.join(cells)} |"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m training.experiments", description=__doc__)
    add_arguments(parser)
    parser.add_argument("--seeds", type=int, default=3, help="runs of each, averaged")
    parser.add_argument("names", nargs="*", choices=[*EXPERIMENTS, []], help="default: all")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    prepared = prepare(sources_of(arguments), arguments.whisper, arguments.cache, arguments.threads)
    print("| change | EER, % (spread over seeds) | through a channel |\n|---|---|---|")
    for name in arguments.names or EXPERIMENTS:
        experiment = EXPERIMENTS[name]
        print(row(experiment, run(experiment, prepared.features, arguments.seeds)), flush=True)


if __name__ == "__main__":
    main()
