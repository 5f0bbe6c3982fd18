"""95 % intervals by a two-way cluster bootstrap.

Recordings of one system, or of one speaker, stand or fall together; resampling recordings would
make intervals far too narrow. Both groupings are resampled at once and a recording appears as
often as the product of its two clusters' counts (the pigeonhole bootstrap, Owen 2007).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from veravox.evaluation.metrics import Labels, Metric, Scores

Interval = tuple[float, float]
Sample = NDArray[np.intp]

REPLICATES = 1000
SEED = 20_260_101


def resamples(
    first: Sequence[str],
    second: Sequence[str],
    spoof: Labels,
    replicates: int = REPLICATES,
    seed: int = SEED,
) -> list[Sample]:
    """Indices of the recordings in each replicate that has both classes.

    `first` and `second` name the two clusters of each recording. Clusters are drawn within each
    class, so that a class keeps its number of systems and speakers. The same arguments give the
    same replicates: two models compared on them are compared on the same draws. No replicates
    when a class is missing.
    """
    if not 0 < np.count_nonzero(spoof) < spoof.size:
        return []
    generator = np.random.default_rng(seed)
    classes = [_Clusters(first, second, np.flatnonzero(spoof == label)) for label in (False, True)]
    drawn = ([part.draw(generator) for part in classes] for _ in range(replicates))
    return [np.concatenate(parts) for parts in drawn if all(part.size for part in parts)]


def interval(
    metric: Metric, scores: Scores, spoof: Labels, samples: Sequence[Sample]
) -> Interval | None:
    """2.5 and 97.5 percentiles of `metric` over the replicates; None without replicates."""
    return _percentiles([metric(scores[sample], spoof[sample]) for sample in samples])


def paired_interval(
    metric: Metric, one: Scores, other: Scores, spoof: Labels, samples: Sequence[Sample]
) -> Interval | None:
    """As `interval`, of `metric` on `one` minus `metric` on `other`, recording by recording."""
    return _percentiles(
        [
            metric(one[sample], spoof[sample]) - metric(other[sample], spoof[sample])
            for sample in samples
        ]
    )


def _percentiles(values: list[float]) -> Interval | None:
    if not values:
        return None
    low, high = np.percentile(values, (2.5, 97.5))
    return float(low), float(high)


class _Clusters:
    """The recordings of one class, and the clusters they belong to."""

    def __init__(self, first: Sequence[str], second: Sequence[str], members: Sample) -> None:
        self._members = members
        self._groupings = [
            np.unique([names[i] for i in members], return_inverse=True) for names in (first, second)
        ]

    def draw(self, generator: np.random.Generator) -> Sample:
        """The members, each as often as both its clusters were drawn; possibly none."""
        times = np.ones(self._members.size, dtype=np.intp)
        for names, place in self._groupings:
            times *= generator.multinomial(names.size, np.full(names.size, 1.0 / names.size))[place]
        return np.repeat(self._members, times)
