"""Fine-tunes a network from waveform to logit on windows of training clips.

Batches are half bona fide and half spoof, within a class between uniform over clips and uniform
over systems and sources; a window is a random stretch of a random variant of the clip. What is kept
is the exponential moving average of the weights. A run resumes from its checkpoint.
"""

import logging
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from training.heads import sampling_weights
from training.manifest import Clip
from training.windows import Windows
from veravox.audio.canonical import SAMPLE_RATE, level
from veravox.audio.windows import WINDOW_SAMPLES

CHECKPOINT_EVERY = 100

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TuneOptions:
    """How a network is trained.

    `rates`: learning rate by the first part of a parameter's name, "" for the others. `clean`: the
    share of windows as they are. `seconds`: length of the stretches. `balance`: as in HeadOptions.
    """

    steps: int
    batch: int = 32
    seconds: float = 3.0
    rates: tuple[tuple[str, float], ...] = (("", 1e-4),)
    weight_decay: float = 0.01
    label_smoothing: float = 0.05
    balance: float = 0.5
    clean: float = 0.4
    ema: float = 0.998
    warm_up: float = 0.1


def tune(
    network: nn.Module,
    windows: Windows,
    clips: Sequence[Clip],
    options: TuneOptions,
    seed: int,
    checkpoint: Path,
    judge: Callable[[nn.Module, int], None] | None = None,
) -> nn.Module:
    """The averaged network after training; `judge` sees it at every quarter of the way."""
    torch.manual_seed(seed)
    generator = np.random.default_rng(seed)
    labels = np.array([clip.spoof for clip in clips], np.float32)
    draws = _draws(clips, options, generator)
    optimiser = torch.optim.AdamW(_groups(network, options), weight_decay=options.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser,
        [group["lr"] for group in optimiser.param_groups],
        options.steps,
        pct_start=options.warm_up,
        cycle_momentum=False,
    )
    average = deepcopy(network).eval()
    first = _resume(checkpoint, network, average, optimiser, schedule)
    losses: list[float] = []
    for step in range(first, options.steps):
        rows = draws[step]
        batch = torch.from_numpy(
            np.stack(
                [_stretch(clips[r], windows, options, seed, step, i) for i, r in enumerate(rows)]
            )
        )
        target = torch.from_numpy(labels[rows])
        target = target * (1 - options.label_smoothing) + 0.5 * options.label_smoothing
        network.train()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logit = network(batch)
        loss = functional.binary_cross_entropy_with_logits(logit.float(), target)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        _follow(average, network, min(options.ema, (1 + step) / (10 + step)))
        losses.append(float(loss))
        done = step + 1
        if done % CHECKPOINT_EVERY == 0 or done == options.steps:
            log.info("step %d of %d: loss %.4f", done, options.steps, np.mean(losses))
            losses.clear()
            _save(checkpoint, done, network, average, optimiser, schedule)
        if judge is not None and done % (options.steps // 4) == 0:
            judge(average, done)
    return average


def _draws(
    clips: Sequence[Clip], options: TuneOptions, generator: np.random.Generator
) -> np.ndarray:
    """Rows of clips, (steps, batch)."""
    weights = sampling_weights(clips, options.balance)
    return generator.choice(len(clips), size=(options.steps, options.batch), p=weights)


def _stretch(
    clip: Clip, windows: Windows, options: TuneOptions, seed: int, step: int, index: int
) -> np.ndarray:
    generator = np.random.default_rng((seed, step, index))
    others = len(windows.stores) - 1
    variant = 0 if generator.random() < options.clean else 1 + int(generator.integers(others))
    samples = windows.samples(clip, variant)
    length = int(options.seconds * SAMPLE_RATE)
    first = int(generator.integers(WINDOW_SAMPLES - length + 1))
    return level(samples[first : first + length])


def _groups(network: nn.Module, options: TuneOptions) -> list[dict[str, object]]:
    rates = dict(options.rates)
    groups: dict[float, list[Tensor]] = {}
    for name, parameter in network.named_parameters():
        prefix = max((p for p in rates if name.startswith(p)), key=len)
        groups.setdefault(rates[prefix], []).append(parameter)
    return [{"params": members, "lr": rate} for rate, members in groups.items() if rate > 0]


def _follow(average: nn.Module, network: nn.Module, momentum: float) -> None:
    with torch.no_grad():
        for kept, new in zip(
            average.state_dict().values(), network.state_dict().values(), strict=True
        ):
            if kept.dtype.is_floating_point:
                kept.lerp_(new, 1 - momentum)
            else:
                kept.copy_(new)


def _save(checkpoint: Path, step: int, *parts: object) -> None:
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    partial = checkpoint.with_suffix(".partial")
    torch.save([step, *[part.state_dict() for part in parts]], partial)
    partial.replace(checkpoint)


def _resume(checkpoint: Path, *parts: object) -> int:
    if not checkpoint.exists():
        return 0
    step, *states = torch.load(checkpoint, weights_only=True)
    for part, state in zip(parts, states, strict=True):
        part.load_state_dict(state)
    return step
