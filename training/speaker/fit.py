"""Fitting the encoder: speakers told apart, and teachers' embeddings imitated.

The loss is an additive angular margin over speakers with two centres each (Deng et al., Sub-center
ArcFace, 2020) on the views whose speaker is known, and the cosine distance between a projection of
the embedding and each teacher's centred embedding on all views.
"""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, linear, normalize

from training.manifest import Clip
from training.speaker.frontend import MELS, Floats
from training.speaker.network import WIDTH, Encoder
from training.speaker.prepare import Part

CENTRES = 2
SCALE = 30.0
MARGIN = 0.2
MARGIN_FROM = 0.25
SPEAKER_WEIGHT = 0.1
UNKNOWN = -1
KNOWN_SHARE = 0.5
CROPS = (150, 200, 300)
LEARNING_RATE = 2e-3
WEIGHT_DECAY = 1e-2
WARM_UP = 200
AVERAGE = 0.998
CHECKPOINT_STEPS = 250
SEED = 1
NOISE_SHARE = 0.4
MASK_SHARE = 0.5

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Views:
    """All views in rows: where their log-mels lie, whose they are and what teachers heard.

    `speaker` is the number of the class, -1 where it is unknown.
    """

    parts: list[Part]
    part: np.ndarray
    row: np.ndarray
    speaker: np.ndarray
    teachers: dict[str, Floats]

    @property
    def speakers(self) -> int:
        """How many classes there are."""
        return int(self.speaker.max()) + 1


def collect(parts: Sequence[Part], clips: Sequence[Clip]) -> Views:
    """The views in `parts` of `clips`; a known speaker is a class of its own at every speed."""
    clip = np.concatenate([part.clip for part in parts])
    speed = np.concatenate([part.speed for part in parts])
    names = [
        f"{clips[c].speaker} {s}" if clips[c].speaker and not clips[c].spoof else ""
        for c, s in zip(clip.tolist(), speed.tolist(), strict=True)
    ]
    numbers = {name: number for number, name in enumerate(sorted(set(names) - {""}))}
    teachers = {
        name: np.concatenate([part.teachers[name] for part in parts]) for name in parts[0].teachers
    }
    return Views(
        parts=list(parts),
        part=np.repeat(np.arange(len(parts)), [part.clip.size for part in parts]),
        row=np.concatenate([np.arange(part.clip.size) for part in parts]),
        speaker=np.array([numbers.get(name, UNKNOWN) for name in names]),
        teachers={name: _centred(rows) for name, rows in teachers.items()},
    )


class Learner(nn.Module):
    """The encoder with the heads that only training needs."""

    def __init__(self, speakers: int, teachers: Sequence[str]) -> None:
        """As many classes as `speakers`, a projection for each teacher."""
        super().__init__()
        self.encoder = Encoder()
        self.centres = nn.Parameter(0.1 * torch.randn(speakers * CENTRES, WIDTH))
        self.projections = nn.ModuleDict({name: nn.Linear(WIDTH, WIDTH) for name in teachers})

    def loss(
        self, log_mels: Tensor, speaker: Tensor, heard: dict[str, Tensor], margin: float
    ) -> tuple[Tensor, dict[str, float]]:
        """The loss of a batch and its terms."""
        with torch.autocast("cpu", torch.bfloat16):
            embedding = self.encoder(log_mels)
        embedding = embedding.float()
        terms = {
            name: 1.0 - (normalize(self.projections[name](embedding)) * target).sum(1).mean()
            for name, target in heard.items()
        }
        known = speaker != UNKNOWN
        terms["speaker"] = SPEAKER_WEIGHT * self._margin_loss(
            embedding[known], speaker[known], margin
        )
        total = torch.stack(list(terms.values())).sum()
        return total, {name: float(term.detach()) for name, term in terms.items()}

    def _margin_loss(self, embedding: Tensor, speaker: Tensor, margin: float) -> Tensor:
        cosines = linear(normalize(embedding), normalize(self.centres))
        cosines = cosines.view(len(embedding), -1, CENTRES).amax(dim=2).clamp(-0.9999, 0.9999)
        own = cosines.gather(1, speaker[:, None])
        moved = torch.cos(torch.acos(own) + margin)
        return cross_entropy(SCALE * cosines.scatter(1, speaker[:, None], moved), speaker)


def fit(views: Views, steps: int, batch: int, checkpoint: Path) -> Encoder:
    """The averaged encoder after `steps`, resumed from `checkpoint` when that is there."""
    torch.manual_seed(SEED)
    learner = Learner(views.speakers, list(views.teachers))
    averaged = torch.optim.swa_utils.AveragedModel(
        learner.encoder,
        multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(AVERAGE),
        use_buffers=True,
    )
    optimiser = torch.optim.AdamW(learner.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step, steps))
    state = _State(learner, averaged, optimiser, schedule)
    first = state.load(checkpoint) if checkpoint.exists() else 0
    learner.train()
    for step in range(first, steps):
        generator = np.random.default_rng((SEED, step))
        rows = _choose(views, batch, generator)
        log_mels = torch.from_numpy(_batch(views, rows, generator))
        heard = {name: torch.from_numpy(t[rows]) for name, t in views.teachers.items()}
        margin = MARGIN * min(1.0, step / (MARGIN_FROM * steps))
        loss, terms = learner.loss(log_mels, torch.from_numpy(views.speaker[rows]), heard, margin)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(learner.parameters(), 5.0)
        optimiser.step()
        schedule.step()
        averaged.update_parameters(learner.encoder)
        if (step + 1) % CHECKPOINT_STEPS == 0 or step + 1 == steps:
            state.save(checkpoint, step + 1)
            shown = " ".join(f"{name} {value:.3f}" for name, value in terms.items())
            log.info("step %d of %d: %s", step + 1, steps, shown)
    return averaged.module.eval()


@dataclass(frozen=True, slots=True)
class _State:
    learner: Learner
    averaged: torch.optim.swa_utils.AveragedModel
    optimiser: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LambdaLR

    def _parts(self) -> dict[str, Any]:
        return {
            "learner": self.learner,
            "averaged": self.averaged,
            "optimiser": self.optimiser,
            "schedule": self.schedule,
        }

    def save(self, path: Path, step: int) -> None:
        """Write the file whole or not at all."""
        draft = path.with_suffix(".draft")
        parts = {name: part.state_dict() for name, part in self._parts().items()}
        torch.save({"step": step, **parts}, draft)
        draft.replace(path)

    def load(self, path: Path) -> int:
        """The step at which the file was written."""
        stored = torch.load(path, weights_only=True)
        for name, part in self._parts().items():
            part.load_state_dict(stored[name])
        return stored["step"]


def _rate(step: int, steps: int) -> float:
    """Linear warm-up, then a cosine down to a hundredth."""
    warm = min(1.0, (step + 1) / WARM_UP)
    return warm * (0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * min(1.0, step / steps))))


def _choose(views: Views, batch: int, generator: np.random.Generator) -> np.ndarray:
    """Half uniformly over the classes and then over their views, half uniformly over all views."""
    known = round(KNOWN_SHARE * batch)
    classes = generator.integers(views.speakers, size=known)
    of_classes = [generator.choice(np.flatnonzero(views.speaker == c)) for c in classes]
    others = generator.integers(views.speaker.size, size=batch - known)
    return np.concatenate([of_classes, others])


def _batch(views: Views, rows: np.ndarray, generator: np.random.Generator) -> Floats:
    """Crops of one length, (batch, MELS, frames), some with noise and some with gaps."""
    frames = int(generator.choice(CROPS))
    made = np.empty((rows.size, frames, MELS), np.float32)
    for place, row in enumerate(rows.tolist()):
        part, number = views.parts[views.part[row]], views.row[row]
        first, count = int(part.first[number]), int(part.count[number])
        start = first + int(generator.integers(max(1, count - frames + 1)))
        crop = part.log_mels[start : min(start + frames, first + count)].astype(np.float32)
        made[place] = np.resize(crop, (frames, MELS))
    _add_noise(made, generator)
    _mask(made, generator)
    return np.ascontiguousarray(made.transpose(0, 2, 1))


def _add_noise(crops: Floats, generator: np.random.Generator) -> None:
    """Steady noise with a random tilt, 6 to 30 dB below the mean level of the crop."""
    for crop in crops:
        if generator.random() < NOISE_SHARE:
            tilt = generator.uniform(-2.0, 1.0) * np.linspace(-1.0, 1.0, MELS)
            level = crop.max(axis=0).mean() - generator.uniform(1.4, 7.0)
            ripple = generator.standard_normal(crop.shape) * 0.4
            crop[:] = np.logaddexp(crop, level + tilt + ripple)


def _mask(crops: Floats, generator: np.random.Generator) -> None:
    """A band and a stretch of time at the crop's mean (Park et al., SpecAugment, 2019)."""
    for crop in crops:
        if generator.random() < MASK_SHARE:
            mean = crop.mean()
            band = int(generator.integers(1, 10))
            low = int(generator.integers(MELS - band))
            crop[:, low : low + band] = mean
            length = int(generator.integers(1, crop.shape[0] // 6))
            start = int(generator.integers(crop.shape[0] - length))
            crop[start : start + length] = mean


def _centred(rows: Floats) -> Floats:
    centred = rows - rows.mean(axis=0)
    return (centred / np.linalg.norm(centred, axis=1, keepdims=True)).astype(np.float32)
