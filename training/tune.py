"""The second view: a copy of the encoder, fine-tuned together with a pooled head of its own.

It is trained without one fold of repositories (`training.crossval.deal`) and without what is
related to it, so that the very network that ships can be judged on recordings that it has not
seen. It goes on from the view of a model that shipped where there is one. Training takes bfloat16
where the processor has it, log-mels from disk, and resumes.
"""

import functools
import hashlib
import logging
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from training.crossval import heard
from training.heads import sampling_weights, smoothed_labels, two_layers
from training.manifest import Clip
from training.precision import fast_precision
from training.store import Store
from training.whisper import FRAMES, MELS, STATISTICS, Encoder, LogMel, pooled
from training.windows import Windows
from veravox.audio.canonical import Samples

BATCH = 16
CHECKPOINT_STEPS = 100

Values = TypeVar("Values", np.ndarray, Tensor)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Cycle:
    """So many `steps` on random parts of `frames` log-mel frames of 10 ms, rates up and down."""

    steps: int
    frames: int


@dataclass(frozen=True, slots=True)
class TuneOptions:
    """How the network is fitted; a cycle begins with the averaged weights of the one before.

    `clean`: share of windows as they are, the others being through one of the channels.
    `equalise`, `mask`: shares of parts whose bands get a random smooth gain of up to `gain` (in
    Whisper's scale, 0.06 is 4.8 dB), or lose up to 8 bands.
    """

    cycles: tuple[Cycle, ...] = (Cycle(700, 128), Cycle(1_000, 256))
    batch: int = 64
    encoder_rate: float = 1e-4
    head_rate: float = 2e-3
    encoder_decay: float = 0.02
    head_decay: float = 0.05
    hidden: int = 64
    dropout: float = 0.3
    label_smoothing: float = 0.05
    balance: float = 0.5
    averaging: float = 0.998
    warm_up: float = 0.05
    clean: float = 0.4
    equalise: float = 0.3
    gain: float = 0.06
    mask: float = 0.3


class TunedNetwork(nn.Module):
    """Waveform (batch, 80000) -> logit (batch,), positive = spoof."""

    def __init__(self, encoder: Encoder, options: TuneOptions) -> None:
        """Takes a copy of `encoder`; the head begins at random."""
        super().__init__()
        self.encoder = deepcopy(encoder)
        self.encoder.positions.requires_grad_(False)
        size = (len(encoder.layers) + 1) * STATISTICS * encoder.positions.shape[1]
        self.norm = nn.BatchNorm1d(size, eps=2.5e-3, momentum=0.02, affine=False)
        self.head = two_layers(size, options.hidden, options.dropout)

    def forward(self, waveform: Tensor) -> Tensor:
        """The raw logit."""
        return self.judge(self.encoder.logmel(waveform))

    def judge(self, logmel: Tensor) -> Tensor:
        """The raw logit of a log-mel (batch, 80, frames), an even number of frames up to 500."""
        return self._head(pooled(self.encoder.frames(logmel)).flatten(1))

    @torch.inference_mode()
    def logits(self, windows: Iterable[Samples]) -> np.ndarray:
        """Raw logits (n,) of one window or more in the model's view, each (80000,)."""
        remaining = iter(windows)
        batches = iter(lambda: list(islice(remaining, BATCH)), [])
        return np.concatenate([self(torch.from_numpy(np.stack(b))).numpy() for b in batches])

    def fit(self, logmel: Tensor) -> Tensor:
        """As `judge`, with cheaper gradients, and in bfloat16 where that is faster."""
        with fast_precision():
            outputs = self.encoder.frames(logmel)
        return self._head(_pooled_for_training(outputs))

    def _head(self, features: Tensor) -> Tensor:
        return self.head(self.norm(features)).squeeze(1)


def ensemble(frozen: Values, tuned: Values) -> Values:
    """What the pair of views says: both have the same weight."""
    return (frozen + tuned) / 2


class _MeanChange(torch.autograd.Function):
    """Mean absolute change from frame to frame: (batch, time, width) -> (batch, width)."""

    @staticmethod
    def forward(ctx: Any, frames: Tensor) -> Tensor:
        changes = frames[:, 1:] - frames[:, :-1]
        ctx.save_for_backward(changes)
        return changes.abs().mean(1, dtype=torch.float32)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (changes,) = ctx.saved_tensors
        share = (gradients[0] / changes.shape[1]).to(changes.dtype)
        signs = torch.sign(changes).mul_(share[:, None])
        return functional.pad(signs, (0, 0, 1, 0)) - functional.pad(signs, (0, 0, 0, 1))


def _pooled_for_training(outputs: Sequence[Tensor]) -> Tensor:
    parts: list[Tensor] = []
    for frames in outputs:
        variance, mean = torch.var_mean(frames.float(), 1, correction=0)
        parts += [mean, torch.sqrt(variance + 1e-6), _MeanChange.apply(frames)]
    return torch.cat(parts, 1)


def tune(
    clips: Sequence[Clip],
    windows: Windows,
    encoder: Encoder,
    cache: Path,
    start: Mapping[str, Tensor] | None = None,
    options: TuneOptions | None = None,
) -> TunedNetwork:
    """The network of `clips` without the held-out fold; log-mels, checkpoints and result: `cache`.

    `encoder` is left as it is. `start`: the state that the first cycle begins with, as
    `training.shipped` reads it; else it begins with `encoder` and a random head.
    """
    options = options or TuneOptions()
    inside = [clips[i] for i in np.flatnonzero(heard(clips))]
    begun = _fingerprint(start) if start else encoder.name
    described = repr((options, begun, windows.names, [clip.sha for clip in inside]))
    folder = cache / "tuned" / hashlib.sha256(described.encode()).hexdigest()[:24]
    folder.mkdir(parents=True, exist_ok=True)

    @functools.cache
    def batches() -> _Batches:
        weights = sampling_weights(inside, options.balance)
        logmels = _logmels(inside, windows, cache / "logmel")
        return _Batches(inside, weights / weights.sum(), logmels, options)

    torch.manual_seed(0)
    network = TunedNetwork(encoder, options)
    if start is not None:
        _begin_with(network, start)
    for number, cycle in enumerate(options.cycles):
        network = _Training(number, cycle, options, folder, network).run(batches)
    return network.eval()


def _begin_with(network: TunedNetwork, start: Mapping[str, Tensor]) -> None:
    """Raises ValueError when `start` lacks a part of the network."""
    missing, unknown = network.load_state_dict(start, strict=False)
    lacking = {name for name in missing if not name.startswith("encoder.logmel.")}
    if lacking - {"norm.num_batches_tracked"} or unknown:
        raise ValueError(f"not a whole network to go on from: {sorted(lacking | set(unknown))}")


def _fingerprint(state: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(state):
        digest.update(name.encode() + state[name].numpy().tobytes())
    return digest.hexdigest()


def _logmels(clips: Sequence[Clip], windows: Windows, directory: Path) -> list[Store]:
    stores: list[Store] = []
    logmel = LogMel().eval()
    for variant, name in enumerate(windows.names):
        store = Store(directory / name)
        for chunk in store.missing(clips):
            waveforms = np.stack([windows.samples(clip, variant) for clip in chunk])
            with torch.inference_mode():
                values = logmel(torch.from_numpy(waveforms)).numpy().astype(np.float16)
            store.add([clip.sha for clip in chunk], values)
        stores.append(store)
    return stores


@dataclass(frozen=True, slots=True)
class _Batches:
    """Random parts of windows, as many of either class, as they are and through channels."""

    clips: Sequence[Clip]
    weights: np.ndarray
    logmels: Sequence[Store]
    options: TuneOptions

    def draw(self, frames: int, generator: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Log-mels (batch, 80, frames) and smoothed labels (batch,)."""
        options = self.options
        chosen = generator.choice(len(self.clips), options.batch, p=self.weights)
        channels = generator.integers(1, len(self.logmels), options.batch)
        variants = np.where(generator.random(options.batch) < options.clean, 0, channels)
        starts = generator.integers(0, FRAMES - frames + 1, options.batch)
        parts = np.stack(
            [
                self.logmels[variant].row(self.clips[index].sha)[:, start : start + frames]
                for index, variant, start in zip(chosen, variants, starts, strict=True)
            ]
        ).astype(np.float32)
        for part in parts:
            self._change(part, generator)
        labels = smoothed_labels([self.clips[index] for index in chosen], options.label_smoothing)
        return torch.from_numpy(parts), labels

    def _change(self, part: np.ndarray, generator: np.random.Generator) -> None:
        bands = np.arange(MELS)
        if generator.random() < self.options.equalise:
            points = np.linspace(0, MELS - 1, 6)
            gains = np.interp(bands, points, generator.uniform(-1.0, 1.0, points.size))
            part += gains[:, None].astype(np.float32) * np.float32(self.options.gain)
        if generator.random() < self.options.mask:
            first = int(generator.integers(0, MELS))
            part[first : first + int(generator.integers(1, 9))] = part.mean()


class _Training:
    """One cycle: a network, the running average of its weights, and where they are kept."""

    def __init__(
        self,
        number: int,
        cycle: Cycle,
        options: TuneOptions,
        folder: Path,
        start: TunedNetwork,
    ) -> None:
        torch.manual_seed(number)
        self._cycle, self._options = cycle, options
        self._generator = np.random.default_rng(number)
        self._path = folder / f"cycle-{number}.pt"
        self._network = deepcopy(start)
        self._average = deepcopy(self._network).eval()
        self._optimiser = torch.optim.AdamW(
            [
                {
                    "params": self._network.head.parameters(),
                    "lr": options.head_rate,
                    "weight_decay": options.head_decay,
                },
                {
                    "params": [p for p in self._network.encoder.parameters() if p.requires_grad],
                    "lr": options.encoder_rate,
                    "weight_decay": options.encoder_decay,
                },
            ],
            betas=(0.9, 0.98),
        )
        self._rates = (options.head_rate, options.encoder_rate)

    def run(self, batches: Callable[[], _Batches]) -> TunedNetwork:
        """The network with averaged weights after the last step."""
        for step in self._remaining():
            self._step(step, *batches().draw(self._cycle.frames, self._generator))
            if (step + 1) % CHECKPOINT_STEPS == 0 or step + 1 == self._cycle.steps:
                self._keep(step + 1)
        return self._average

    def _step(self, step: int, logmels: Tensor, labels: Tensor) -> None:
        for group, rate in zip(self._optimiser.param_groups, self._rates, strict=True):
            group["lr"] = rate * _share(step / self._cycle.steps, self._options.warm_up)
        self._network.train()
        self._optimiser.zero_grad()
        loss = functional.binary_cross_entropy_with_logits(self._network.fit(logmels), labels)
        loss.backward()
        nn.utils.clip_grad_norm_(self._network.parameters(), 1.0)
        self._optimiser.step()
        self._move_average(1.0 - min(self._options.averaging, (step + 1) / (step + 10)))
        if step % CHECKPOINT_STEPS == 0:
            log.info("%s, step %d: loss %.3f", self._path.stem, step, loss.item())

    @torch.no_grad()
    def _move_average(self, share: float) -> None:
        averaged, moved = self._average, self._network
        for average, value in zip(averaged.parameters(), moved.parameters(), strict=True):
            average.lerp_(value, share)
        for average, value in zip(averaged.norm.buffers(), moved.norm.buffers(), strict=True):
            if average.is_floating_point():
                average.lerp_(value, share)

    def _remaining(self) -> Iterator[int]:
        first = 0
        if self._path.exists():
            kept = torch.load(self._path, weights_only=False)
            self._network.load_state_dict(kept["network"])
            self._average.load_state_dict(kept["average"])
            self._optimiser.load_state_dict(kept["optimiser"])
            self._generator = kept["generator"]
            torch.set_rng_state(kept["torch"])
            first = kept["step"]
        yield from range(first, self._cycle.steps)

    def _keep(self, step: int) -> None:
        """The file is replaced at once, so that a stop leaves the last whole one."""
        kept = {
            "network": self._network.state_dict(),
            "average": self._average.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "generator": self._generator,
            "torch": torch.get_rng_state(),
            "step": step,
        }
        partial = self._path.with_suffix(".partial")
        torch.save(kept, partial)
        partial.replace(self._path)


def _share(progress: float, warm_up: float) -> float:
    """Of the rate: up in a line, down as a cosine; `progress` and `warm_up` from 0 to 1."""
    if progress < warm_up:
        return progress / warm_up
    return 0.5 * (1.0 + math.cos(math.pi * (progress - warm_up) / (1.0 - warm_up)))
