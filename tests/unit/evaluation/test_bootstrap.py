import numpy as np
import pytest

from veravox.evaluation import metrics
from veravox.evaluation.bootstrap import interval, paired_interval, resamples

# Eight sources and eight systems of 25 recordings each, by five speakers.
N = 400
SPOOF = np.arange(N) >= N // 2
SYSTEMS = [f"system{i // 25}" for i in range(N)]
SPEAKERS = [f"speaker{i % 5}" for i in range(N)]
RECORDINGS = [str(i) for i in range(N)]


def scores(seed: int, system_effect: float) -> np.ndarray:
    random = np.random.default_rng(seed)
    effects = random.normal(0.0, system_effect, 16)[np.arange(N) // 25]
    return random.normal(0.0, 1.0, N) + effects + np.where(SPOOF, 1.0, -1.0)


def test_the_same_seed_gives_the_same_replicates() -> None:
    one = resamples(SYSTEMS, SPEAKERS, SPOOF, replicates=5, seed=7)
    two = resamples(SYSTEMS, SPEAKERS, SPOOF, replicates=5, seed=7)
    other = resamples(SYSTEMS, SPEAKERS, SPOOF, replicates=5, seed=8)
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_recordings_of_one_system_and_speaker_are_drawn_together() -> None:
    for sample in resamples(SYSTEMS, SPEAKERS, SPOOF, replicates=20):
        times = np.bincount(sample, minlength=N)
        for system in set(SYSTEMS):
            for speaker in set(SPEAKERS):
                cell = [
                    times[i] for i in range(N) if (SYSTEMS[i], SPEAKERS[i]) == (system, speaker)
                ]
                assert len(set(cell)) == 1


def test_every_replicate_has_both_classes() -> None:
    few = resamples(["a", "b", "c"], ["x", "y", "z"], np.array([False, True, True]))
    assert few
    assert all(0 in sample and len(set(sample)) > 1 for sample in few)


@pytest.mark.parametrize("label", [True, False])
def test_one_class_alone_has_no_replicates_and_no_interval(label: bool) -> None:
    spoof = np.full(4, label)
    samples = resamples(["a"] * 4, ["b"] * 4, spoof)
    assert samples == []
    assert interval(metrics.auc, np.zeros(4), spoof, samples) is None


def test_an_interval_contains_the_estimate() -> None:
    samples = resamples(SYSTEMS, SPEAKERS, SPOOF, replicates=200)
    values = scores(1, 0.5)
    bounds = interval(metrics.eer, values, SPOOF, samples)
    assert bounds is not None
    assert bounds[0] < metrics.eer(values, SPOOF) < bounds[1]


def test_systems_that_differ_make_the_interval_wider_than_recordings_suggest() -> None:
    values = scores(1, 1.0)
    clustered = interval(
        metrics.auc, values, SPOOF, resamples(SYSTEMS, SPEAKERS, SPOOF, replicates=200)
    )
    single = interval(
        metrics.auc, values, SPOOF, resamples(RECORDINGS, ["one"] * N, SPOOF, replicates=200)
    )
    assert clustered is not None
    assert single is not None
    assert clustered[1] - clustered[0] > 1.5 * (single[1] - single[0])


def test_a_model_differs_from_itself_by_nothing() -> None:
    samples = resamples(SYSTEMS, SPEAKERS, SPOOF, replicates=50)
    values = scores(1, 1.0)
    assert paired_interval(metrics.eer, values, values, SPOOF, samples) == (0.0, 0.0)


def test_pairing_finds_a_difference_that_separate_intervals_hide() -> None:
    samples = resamples(SYSTEMS, SPEAKERS, SPOOF, replicates=200)
    better = scores(1, 1.0)
    worse = better - np.where(SPOOF, 0.5, -0.5)
    separate = [interval(metrics.eer, values, SPOOF, samples) for values in (better, worse)]
    difference = paired_interval(metrics.eer, better, worse, SPOOF, samples)
    assert separate[0] is not None
    assert separate[1] is not None
    assert difference is not None
    assert separate[0][1] > separate[1][0]
    assert difference[1] < 0.0
