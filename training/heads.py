"""The light head over pooled encoder features: standardise, two small layers, one logit."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from training.manifest import Clip


@dataclass(frozen=True, slots=True)
class HeadOptions:
    """What a head sees and how it is fitted.

    `layers`: which encoder outputs are pooled, `statistics`: how. `hidden`: 0 for a linear head.
    `balance`: 1 draws uniformly over systems and sources, 0 uniformly over clips. `floor`: the
    least deviation that a feature is divided by, so that one that hardly varies is not blown up.
    """

    layers: tuple[int, ...] = (0, 1, 2)
    statistics: tuple[int, ...] = (0, 1, 2)
    hidden: int = 64
    dropout: float = 0.3
    weight_decay: float = 0.05
    label_smoothing: float = 0.05
    balance: float = 0.5
    epochs: int = 8
    learning_rate: float = 3e-3
    batch: int = 1024
    floor: float = 0.05


class Head(nn.Module):
    """Pooled features (batch, layers, statistics, width) -> logit (batch,), positive = spoof."""

    def __init__(self, mean: Tensor, scale: Tensor, options: HeadOptions) -> None:
        """`mean` and `scale` of the training features, shape (layers, statistics, width)."""
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)
        size = mean.numel()
        self.net = (
            two_layers(size, options.hidden, options.dropout)
            if options.hidden
            else nn.Sequential(nn.Dropout(options.dropout), nn.Linear(size, 1))
        )

    def forward(self, features: Tensor) -> Tensor:
        """The raw logit."""
        return self.judge((features - self.mean) / self.scale)

    def judge(self, standardised: Tensor) -> Tensor:
        """The raw logit of features from which `mean` and `scale` are already taken."""
        return self.net(standardised.flatten(1)).squeeze(1)


def two_layers(size: int, hidden: int, dropout: float) -> nn.Sequential:
    """(batch, size) -> logit (batch, 1), through `hidden` units."""
    return nn.Sequential(
        nn.Dropout(dropout),
        nn.Linear(size, hidden),
        nn.GELU(),
        nn.Dropout(dropout),
        nn.Linear(hidden, 1),
    )


def smoothed_labels(clips: Sequence[Clip], smoothing: float) -> Tensor:
    """1 for spoof and 0 for bona fide, each moved by half of `smoothing` to the middle: (n,)."""
    labels = torch.tensor([clip.spoof for clip in clips], dtype=torch.float32)
    return labels * (1.0 - smoothing) + 0.5 * smoothing


def used(values: np.ndarray, options: HeadOptions) -> Tensor:
    """What a head sees of `values`, (n, all layers, all statistics, width)."""
    return torch.from_numpy(
        values[:, list(options.layers)][:, :, list(options.statistics)].astype(np.float32)
    )


def sampling_weights(clips: Sequence[Clip], balance: float) -> np.ndarray:
    """Weight of each clip: half for each class, within it between uniform over clips and groups."""
    sizes = Counter((clip.spoof, clip.group) for clip in clips)
    weights = np.array([sizes[clip.spoof, clip.group] ** -balance for clip in clips])
    spoof = np.array([clip.spoof for clip in clips])
    for label in (False, True):
        weights[spoof == label] *= 0.5 / weights[spoof == label].sum()
    return weights


def fit_head(values: np.ndarray, clips: Sequence[Clip], options: HeadOptions, seed: int) -> Head:
    """Trains one head on `values`, (n, all layers, all statistics, width), rows as in `clips`."""
    torch.manual_seed(seed)
    features = used(values, options)
    weights = torch.from_numpy(sampling_weights(clips, options.balance))
    head = Head(features.mean(0), features.std(0).clamp(min=options.floor), options)
    features.sub_(head.mean).div_(head.scale)
    optimiser = torch.optim.AdamW(
        head.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay
    )
    steps = options.epochs * len(clips) // options.batch
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, options.learning_rate, steps)
    smoothed = smoothed_labels(clips, options.label_smoothing)
    draws = torch.multinomial(weights, steps * options.batch, replacement=True)
    for rows in draws.split(options.batch):
        optimiser.zero_grad()
        loss = functional.binary_cross_entropy_with_logits(
            head.judge(features[rows]), smoothed[rows]
        )
        loss.backward()
        optimiser.step()
        schedule.step()
    return head.eval()


def fit_heads(
    values: np.ndarray, clips: Sequence[Clip], options: HeadOptions, count: int, seed: int = 0
) -> list[Head]:
    """`count` heads that differ in their random numbers, to be averaged."""
    seeds = range(seed * count, (seed + 1) * count)
    return [fit_head(values, clips, options, number) for number in seeds]


def predict(heads: Sequence[Head], values: np.ndarray, options: HeadOptions) -> np.ndarray:
    """Mean logits of `values`, (n, all layers, all statistics, width)."""
    with torch.inference_mode():
        features = used(values, options)
        return torch.stack([head(features) for head in heads]).mean(0).numpy()
