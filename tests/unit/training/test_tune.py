from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.unit.training.small_encoder import DEPTH, HEADS, tensors
from training.crossval import FOLDS
from training.manifest import Clip
from training.store import Store
from training.tune import Cycle, TunedNetwork, TuneOptions, tune
from training.whisper import Encoder
from training.windows import Windows

TIME = np.arange(80_000) / 16_000
OPTIONS = TuneOptions(cycles=(Cycle(12, 60), Cycle(8, 100)), batch=16, hidden=4)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder(tensors(), HEADS, DEPTH).eval()


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    return [
        Clip(
            "train", "spoof" if index % 2 else "bonafide", f"owner/page{index // 4}", f"{index:04}",
            "a.wav", f"system{index // 4}" if index % 2 else "", "", "en", "", 2024,
        )
        for index in range(8 * FOLDS)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def windows(clips: list[Clip], tmp_path_factory: pytest.TempPathFactory) -> Windows:
    """Hums, of which the spoofed ones are higher."""
    folder = tmp_path_factory.mktemp("windows")
    generator = np.random.default_rng(6)
    names = ["clean", "channel"]
    for name in names:
        rows = [
            np.sin(2 * np.pi * (2_000 if clip.spoof else 300) * TIME)
            + generator.normal(0, 0.1, TIME.size)
            for clip in clips
        ]
        whole = (8_000 * np.stack(rows)).astype(np.int16)
        Store(folder / name).add([clip.sha for clip in clips], whole)
    return Windows(names, [Store(folder / name) for name in names])


Tune = Callable[[Path], TunedNetwork]


@pytest.fixture(scope="module")
def tuned(clips: list[Clip], windows: Windows, encoder: Encoder) -> Tune:
    return lambda cache: tune(clips, windows, encoder, cache, options=OPTIONS)


def test_tuning_moves_the_copy_and_not_the_encoder_it_came_from(
    tuned: Tune, encoder: Encoder, tmp_path: Path
):
    before = {name: value.clone() for name, value in encoder.state_dict().items()}

    network = tuned(tmp_path)

    after = encoder.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not torch.equal(network.encoder.conv1.weight, encoder.conv1.weight)


def test_a_stopped_training_ends_as_one_that_was_not_stopped(
    tuned: Tune,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    windows: Windows,
    clips: list[Clip],
):
    whole = tuned(tmp_path / "whole")
    with monkeypatch.context() as context:
        context.setattr("training.tune.CHECKPOINT_STEPS", 5)
        context.setattr(torch.optim.AdamW, "step", _stops_after(7))
        with pytest.raises(KeyboardInterrupt):
            tuned(tmp_path / "stopped")

    resumed = tuned(tmp_path / "stopped")

    heard = [windows.samples(clip, 0) for clip in clips[:4]]
    assert np.allclose(resumed.logits(heard), whole.logits(heard), atol=1e-3)


def test_tuning_goes_on_from_a_network_that_is_given(
    tuned: Tune, tmp_path: Path, windows: Windows, clips: list[Clip], encoder: Encoder
):
    network = tuned(tmp_path)
    heard = [windows.samples(clip, 0) for clip in clips[:4]]

    same = tune(
        clips, windows, encoder, tmp_path, network.state_dict(), replace(OPTIONS, cycles=())
    )
    further = tune(clips, windows, encoder, tmp_path, network.state_dict(), OPTIONS)

    assert np.allclose(same.logits(heard), network.logits(heard), atol=1e-5)
    assert not np.allclose(further.logits(heard), network.logits(heard), atol=1e-3)


def test_tuning_does_not_go_on_from_half_a_network(
    windows: Windows, clips: list[Clip], encoder: Encoder, tmp_path: Path
):
    state = TunedNetwork(encoder, OPTIONS).state_dict()
    del state["encoder.conv1.weight"]

    with pytest.raises(ValueError, match=r"encoder\.conv1\.weight"):
        tune(clips, windows, encoder, tmp_path, state, OPTIONS)


def test_a_part_is_judged_as_in_training(tuned: Tune, tmp_path: Path, windows: Windows):
    network = tuned(tmp_path)
    logmels = torch.from_numpy(Store(tmp_path / "logmel" / "clean").rows(["0000", "0001"])).float()

    with torch.inference_mode():
        exact, fast = network.judge(logmels[:, :, :320]), network.fit(logmels[:, :, :320])

    assert torch.allclose(exact, fast, atol=0.1)


def _stops_after(steps: int) -> Callable[..., None]:
    original, done = torch.optim.AdamW.step, iter(range(steps))

    def step(self: torch.optim.AdamW, *arguments: object) -> None:
        if next(done, None) is None:
            raise KeyboardInterrupt
        original(self)

    return step
