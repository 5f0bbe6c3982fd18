"""Going on from GE2E's weights: the encoder learns how two teachers, together, compare voices.

The loss is the squared difference between the encoder's cosines and the mean of the teachers' in a
batch (Tung and Mori, Similarity-Preserving Knowledge Distillation, 2019), plus the cosine distance
between a projection of each embedding and each teacher's. Teachers heard the recording as it is;
the encoder hears it through a channel too. Two recordings of one named person count as at least
`SAME_PERSON` alike.

What is kept is half-way between the weights before and after (`between`).
"""

import logging
import math
from collections import defaultdict
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from training.precision import fast_precision
from training.speaker.frontend import Floats
from training.speaker.material import person
from training.speaker.network import WIDTH, Encoder
from training.speaker.prepare import FRAMES, Views

SAME_PERSON = 0.8
PAIR_WEIGHT = 10.0
PROJECTION_WEIGHT = 0.5
FRAMES_HEARD = (120, 160)
LEARNING_RATE = 5e-4
PROJECTION_RATE = 5e-3
WEIGHT_DECAY = 1e-2
WARM_UP = 50
AVERAGE = 0.99
CHECKPOINT_STEPS = 25
LOUDNESS = 0.5
"""Powers are scaled by up to e to this, since parts are levelled one by one when serving."""
SEED = 1
SHARE_AFTER = 0.5
"""How far from the weights before to those after training; set beforehand, not fitted."""

log = logging.getLogger(__name__)


class Learner(nn.Module):
    """The encoder with the projections that only training needs."""

    def __init__(self, encoder: Encoder, teachers: Sequence[str]) -> None:
        """A projection for each teacher."""
        super().__init__()
        self.encoder = encoder
        self.projections = nn.ModuleDict({name: nn.Linear(WIDTH, WIDTH) for name in teachers})

    def loss(
        self, mels: Tensor, heard: dict[str, Tensor], same: Tensor
    ) -> tuple[Tensor, dict[str, float]]:
        """The loss of a batch and its terms; `same`: whether two of it are of one person."""
        with fast_precision():
            embedding = self.encoder(mels)
        embedding = embedding.float()
        centred = normalize(embedding - embedding.mean(dim=0).detach(), dim=1)
        wanted = torch.stack([rows @ rows.T for rows in heard.values()]).mean(dim=0)
        wanted = torch.where(same, wanted.clamp(min=SAME_PERSON), wanted)
        others = ~torch.eye(len(mels), dtype=torch.bool)
        terms = {"pairs": PAIR_WEIGHT * (centred @ centred.T - wanted)[others].square().mean()}
        for name, rows in heard.items():
            projected = normalize(self.projections[name](embedding), dim=1)
            terms[name] = PROJECTION_WEIGHT * (1.0 - (projected * rows).sum(dim=1).mean())
        total = torch.stack(list(terms.values())).sum()
        return total, {name: float(term.detach()) for name, term in terms.items()}


@dataclass(frozen=True, slots=True)
class Targets:
    """What a batch is drawn from: whose the clips are, and the teachers' centred embeddings."""

    persons: np.ndarray
    clips_of: list[np.ndarray]
    heard: dict[str, Floats]


def targets(views: Views) -> Targets:
    """Everybody of a name is a person; a clip without a name is a person by itself."""
    names = [
        person(clip.speaker) if clip.speaker and not clip.spoof else clip.sha
        for clip in views.clips
    ]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    persons = np.array([numbers[name] for name in names])
    clips_of: dict[int, list[int]] = defaultdict(list)
    for clip, number in enumerate(persons.tolist()):
        clips_of[number].append(clip)
    return Targets(
        persons=persons,
        clips_of=[np.array(clips_of[number]) for number in range(len(numbers))],
        heard={name: _centred(rows) for name, rows in views.heard.items()},
    )


def fit(views: Views, encoder: Encoder, steps: int, batch: int, checkpoint: Path) -> Encoder:
    """The averaged encoder after `steps`, resumed from `checkpoint` when that is there."""
    torch.manual_seed(SEED)
    drawn_from = targets(views)
    learner = Learner(encoder, list(views.heard))
    averaged = torch.optim.swa_utils.AveragedModel(
        learner.encoder, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(AVERAGE)
    )
    groups = [
        {"params": learner.encoder.parameters(), "lr": LEARNING_RATE},
        {"params": learner.projections.parameters(), "lr": PROJECTION_RATE},
    ]
    optimiser = torch.optim.AdamW(groups, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step, steps))
    state = _State(learner, averaged, optimiser, schedule)
    first = state.load(checkpoint) if checkpoint.exists() else 0
    learner.train()
    for step in range(first, steps):
        generator = np.random.default_rng((SEED, step))
        clips = _choose(drawn_from, batch, generator)
        heard = {name: torch.from_numpy(rows[clips]) for name, rows in drawn_from.heard.items()}
        persons = torch.from_numpy(drawn_from.persons[clips])
        mels = torch.from_numpy(_batch(views, clips, generator))
        loss, terms = learner.loss(mels, heard, persons[:, None] == persons[None, :])
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(learner.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        averaged.update_parameters(learner.encoder)
        if (step + 1) % CHECKPOINT_STEPS == 0 or step + 1 == steps:
            state.save(checkpoint, step + 1)
            shown = " ".join(f"{name} {value:.3f}" for name, value in terms.items())
            log.info("step %d of %d: %s", step + 1, steps, shown)
    return averaged.module.eval()


@torch.no_grad()
def between(before: Encoder, after: Encoder, share: float = SHARE_AFTER) -> Encoder:
    """A new encoder whose every weight lies between two others', at `share` (0..1) of the way.

    Training on little material forgets some of what the first weights knew of other voices and
    channels; the average keeps much of that and most of what was learnt (Wortsman et al., Robust
    fine-tuning of zero-shot models, 2022, who advise one half where nothing is there to choose by).
    """
    averaged = deepcopy(before)
    for weight, target in zip(averaged.parameters(), after.parameters(), strict=True):
        weight.lerp_(target, share)
    return averaged.eval()


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


def _choose(drawn_from: Targets, batch: int, generator: np.random.Generator) -> np.ndarray:
    """Half a batch of clips, a person each; then for each another one of the person or itself."""
    persons = generator.integers(len(drawn_from.clips_of), size=batch // 2)
    first = [generator.choice(drawn_from.clips_of[person]) for person in persons]
    second = [generator.choice(drawn_from.clips_of[person]) for person in persons]
    return np.array(first + second)


def _batch(views: Views, clips: np.ndarray, generator: np.random.Generator) -> Floats:
    """Crops of random views, all of one length, (batch, frames, MELS)."""
    frames = int(generator.choice(FRAMES_HEARD))
    variants = generator.integers(len(views.mels), size=clips.size)
    starts = generator.integers(FRAMES - frames + 1, size=clips.size)
    crops = [
        views.mels[variant].row(views.clips[clip].sha)[start : start + frames]
        for clip, variant, start in zip(clips, variants, starts, strict=True)
    ]
    gains = np.exp(generator.uniform(-LOUDNESS, LOUDNESS, size=(clips.size, 1, 1)))
    return (np.stack(crops) * gains).astype(np.float32)


def _centred(rows: Floats) -> Floats:
    centred = rows - rows.mean(axis=0)
    return (centred / np.linalg.norm(centred, axis=1, keepdims=True)).astype(np.float32)
