"""Fits a small vocoder on bona fide speech of the training split.

Loss: log-mel distance, multi-resolution spectra (Yamamoto et al. 2020,
https://arxiv.org/abs/1910.11480) and, from a third of the steps on, a least-squares adversary that
looks at spectrograms (as in Univnet, https://arxiv.org/abs/2106.07889).
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from training.corpora import Corpus
from training.manifest import Clip
from training.synthesis.sets import generator_of, seed_of
from training.synthesis.spectra import stft
from training.synthesis.vocoders import GENERATORS, HOP, Vocoder, load, log_mel, save
from veravox.audio.canonical import level

RESOLUTIONS = ((256, 64), (512, 128), (1024, 256))
ADVERSARIES = ((512, 128), (1024, 256))
ADVERSARY_SHARE = 1 / 3
QUIETEST = 1e-3
MEL_WEIGHT = 15.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how fast: `frames` of 16 ms in each of `batch` excerpts a step."""

    steps: int = 3000
    batch: int = 8
    frames: int = 32
    rate: float = 5e-4


class SpectrogramAdversary(nn.Module):
    """Judges patches of a log spectrogram."""

    def __init__(self, fft: int, hop: int, width: int = 16) -> None:
        """`fft`, `hop`: of the spectrogram; `width`: channels."""
        super().__init__()
        self._resolution = (fft, hop)
        self.layers = nn.Sequential(
            nn.Conv2d(1, width, (9, 3), stride=(4, 1), padding=(4, 1)),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, width, (9, 3), stride=(2, 2), padding=(4, 1)),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, width, (5, 3), stride=(2, 1), padding=(2, 1)),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, 1, 3, padding=1),
        )

    def forward(self, samples: Tensor) -> Tensor:
        """(batch, n) -> one judgement a patch; towards 1 for real speech, 0 for generated."""
        spectra = stft(samples, *self._resolution).abs().clamp(min=QUIETEST).log()
        return self.layers(spectra[:, None])


def fitted(name: str, clips: Sequence[Clip], corpus: Corpus, directory: Path) -> Vocoder:
    """The vocoder `name` with the weights kept in `directory`, fitted on `clips` when absent."""
    path = directory / f"{name}.npz"
    if not path.exists():
        directory.mkdir(parents=True, exist_ok=True)
        save(fit(name, clips, corpus, Schedule()), path)
    return Vocoder(load(name, path))


def fit(name: str, clips: Sequence[Clip], corpus: Corpus, schedule: Schedule) -> nn.Module:
    """The generator `name`, fitted on excerpts of `clips`, drawn evenly from their sources."""
    torch.manual_seed(seed_of("vocoder", name))
    generator = GENERATORS[name]()
    adversaries = nn.ModuleList(SpectrogramAdversary(*each) for each in ADVERSARIES)
    optimiser = torch.optim.AdamW(generator.parameters(), schedule.rate, betas=(0.8, 0.99))
    opposed = torch.optim.AdamW(adversaries.parameters(), schedule.rate, betas=(0.8, 0.99))
    slowing = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, schedule.steps)
    excerpts = _Excerpts(clips, corpus, schedule)
    for step in range(schedule.steps):
        real = excerpts.draw()
        made = generator(log_mel(real))
        loss = reconstruction_loss(made, real)
        if step >= ADVERSARY_SHARE * schedule.steps:
            judgement = sum(_judged(a(real), a(made.detach())) for a in adversaries)
            _descend(opposed, judgement)
            loss = loss + sum((a(made) - 1.0).square().mean() for a in adversaries)
        _descend(optimiser, loss)
        slowing.step()
        if step % 100 == 0:
            log.info("vocoder %s: step %d, loss %.3f", name, step, loss.item())
    return generator


def reconstruction_loss(made: Tensor, real: Tensor) -> Tensor:
    """How far the spectra of `made` are from those of `real`, both (batch, n)."""
    loss = MEL_WEIGHT * functional.l1_loss(log_mel(made), log_mel(real))
    for fft, hop in RESOLUTIONS:
        wanted = stft(real, fft, hop).abs().clamp(min=QUIETEST)
        given = stft(made, fft, hop).abs().clamp(min=QUIETEST)
        distance = torch.linalg.norm(wanted - given) / torch.linalg.norm(wanted)
        loss = loss + distance + functional.l1_loss(given.log(), wanted.log())
    return loss


class _Excerpts:
    """Random levelled excerpts, each of another source's clip."""

    def __init__(self, clips: Sequence[Clip], corpus: Corpus, schedule: Schedule) -> None:
        self._size = schedule.frames * HOP
        self._batch = schedule.batch
        self._random = generator_of("vocoder", "excerpts")
        self._corpus = corpus
        self._sources: dict[str, list[Clip]] = {}
        for clip in clips:
            self._sources.setdefault(clip.repo, []).append(clip)
        self._names = sorted(self._sources)

    def draw(self) -> Tensor:
        """(batch, frames * 256)."""
        names = self._random.choice(self._names, size=self._batch)
        return torch.from_numpy(np.stack([self._excerpt(name) for name in names]))

    def _excerpt(self, source: str) -> np.ndarray:
        clips = self._sources[source]
        clip = clips[self._random.integers(len(clips))]
        samples = level(self._corpus.samples(clip))
        first = self._random.integers(max(1, samples.size - self._size))
        excerpt = samples[first : first + self._size]
        return np.pad(excerpt, (0, self._size - excerpt.size))


def _judged(real: Tensor, made: Tensor) -> Tensor:
    return (real - 1.0).square().mean() + made.square().mean()


def _descend(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
