"""Copy-synthesis: real speech taken apart into parameters and generated again from them.

Such copies share everything with their original but the waveform generator, which is what a
detector should learn (Wang and Yamagishi 2023, https://arxiv.org/abs/2210.10570). Every function
takes and gives 16 kHz samples (n,), starting at the same instant, at the same RMS level.
"""

import functools
import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyworld
import torch
from scipy.linalg import solve_toeplitz
from scipy.signal import lfilter

from training.corpora import Corpus
from training.manifest import Clip
from training.synthesis.sets import Engine, Planned, Sound, generator_of
from training.synthesis.spectra import istft, mel_filters, stft
from veravox.audio.canonical import SAMPLE_RATE, Samples

SHORTEST_SECONDS = 1.5
LONGEST_SECONDS = 8.0

LPC_ORDER = 18
LPC_HOP = 160
LPC_FRAME = 400
MOMENTUM = 0.99
CODED_ENVELOPE = 40

Copier = Callable[[Samples, np.random.Generator], Samples]


def world(samples: Samples, generator: np.random.Generator) -> Samples:
    """WORLD (Morise et al. 2016) with full envelopes; nothing in it is random."""
    del generator
    f0, envelope, aperiodicity = _world_analysis(samples)
    return at_level_of(samples, pyworld.synthesize(f0, envelope, aperiodicity, SAMPLE_RATE))


def world_coded(samples: Samples, generator: np.random.Generator) -> Samples:
    """WORLD from 40 mel-cepstra and banded aperiodicity, as statistical synthesisers used it.

    Pitch is raised or lowered by up to two semitones.
    """
    f0, envelope, aperiodicity = _world_analysis(samples)
    fft = pyworld.get_cheaptrick_fft_size(SAMPLE_RATE)
    coded = pyworld.code_spectral_envelope(envelope, SAMPLE_RATE, CODED_ENVELOPE)
    bands = pyworld.code_aperiodicity(aperiodicity, SAMPLE_RATE)
    generated = pyworld.synthesize(
        f0 * 2.0 ** (generator.uniform(-2.0, 2.0) / 12.0),
        pyworld.decode_spectral_envelope(coded, SAMPLE_RATE, fft),
        pyworld.decode_aperiodicity(bands, SAMPLE_RATE, fft),
        SAMPLE_RATE,
    )
    return at_level_of(samples, generated)


@dataclass(frozen=True, slots=True)
class GriffinLim:
    """Phase found again from magnitudes, by fast Griffin-Lim (Perraudin et al. 2013).

    `bands`: magnitudes come from so many mel bands by the filters' pseudo-inverse; 0: as they are.
    """

    fft: int
    hop: int
    iterations: int
    bands: int = 0

    def __call__(self, samples: Samples, generator: np.random.Generator) -> Samples:
        """A copy of `samples` from random phases."""
        magnitudes = self._magnitudes(torch.from_numpy(samples))
        phases = generator.uniform(-np.pi, np.pi, tuple(magnitudes.shape)).astype(np.float32)
        spectra = torch.polar(magnitudes, torch.from_numpy(phases))
        previous = torch.zeros_like(spectra)
        for _ in range(self.iterations):
            consistent = stft(self._signal(spectra, samples.size), self.fft, self.hop)
            ahead = consistent + MOMENTUM * (consistent - previous)
            spectra = torch.polar(magnitudes, ahead.angle())
            previous = consistent
        return at_level_of(samples, self._signal(spectra, samples.size).numpy())

    def _signal(self, spectra: torch.Tensor, length: int) -> torch.Tensor:
        return istft(spectra, self.fft, self.hop, length)

    def _magnitudes(self, samples: torch.Tensor) -> torch.Tensor:
        linear = stft(samples, self.fft, self.hop).abs()
        if not self.bands:
            return linear
        filters = mel_filters(self.bands, self.fft)
        return (_pseudo_inverse(self.bands, self.fft) @ (filters @ linear)).clamp(min=1e-6)


def lpc(samples: Samples, generator: np.random.Generator) -> Samples:
    """A pulse-or-noise excited all-pole vocoder in the manner of LPC-10 (Tremain 1982)."""
    f0 = _pitch(samples, LPC_HOP)
    excitation = _excitation(np.repeat(f0, LPC_HOP)[: samples.size], generator)
    window = np.hanning(LPC_FRAME)
    overlap = np.hanning(2 * LPC_HOP + 1)[:-1]
    padded = np.pad(samples.astype(np.float64), LPC_FRAME)
    source = np.pad(excitation, LPC_FRAME)
    generated = np.zeros_like(padded)
    for centre in range(LPC_FRAME, LPC_FRAME + samples.size, LPC_HOP):
        frame = padded[centre - LPC_FRAME // 2 : centre + LPC_FRAME // 2] * window
        predictor, gain = _all_pole(frame)
        driven = source[centre - LPC_HOP : centre + 2 * LPC_HOP].copy()
        driven[: 2 * LPC_HOP] *= overlap
        driven[2 * LPC_HOP :] = 0.0
        generated[centre - LPC_HOP : centre + 2 * LPC_HOP] += lfilter([gain], predictor, driven)
    return at_level_of(samples, generated[LPC_FRAME : LPC_FRAME + samples.size])


_OWN = "Apache-2.0"
_WORLD = Engine("source-filter", "vocoder", 2016, "MIT (pyworld), BSD-3-Clause (WORLD)")
_PHASE = Engine("phase reconstruction", "vocoder", 2013, _OWN)
_LPC = Engine("source-filter", "vocoder", 1982, _OWN)

COPIERS: dict[str, tuple[Engine, Copier]] = {
    "world": (_WORLD, world),
    "world-coded": (_WORLD, world_coded),
    "griffin-lim-linear-8": (_PHASE, GriffinLim(512, 128, 8)),
    "griffin-lim-linear-100": (_PHASE, GriffinLim(1024, 256, 100)),
    "griffin-lim-mel-16": (_PHASE, GriffinLim(1024, 256, 16, bands=80)),
    "griffin-lim-mel-60": (_PHASE, GriffinLim(1024, 200, 60, bands=128)),
    "lpc": (_LPC, lpc),
}


def choose_originals(clips: Sequence[Clip], corpus: Corpus, count: int) -> list[Clip]:
    """About `count` bona fide clips of the training split, dealt evenly from its sources.

    Clips of 1.5 s or more, in the order of their blob hashes' hashes, so that the choice does not
    depend on the manifest's order. A source with few clips gives what it has.
    """
    sources: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        wanted = clip.split == "train" and clip.label == "bonafide" and clip in corpus
        if wanted and corpus.seconds(clip) >= SHORTEST_SECONDS:
            sources[clip.repo].append(clip)
    ordered = [
        sorted(members, key=lambda clip: hashlib.sha256(clip.sha.encode()).digest())
        for _, members in sorted(sources.items())
    ]
    longest = max(map(len, ordered), default=0)
    dealt = [members[turn] for turn in range(longest) for members in ordered if turn < len(members)]
    return dealt[:count]


def plan_copies(
    name: str, engine: Engine, copier: Copier, originals: Sequence[Clip], corpus: Corpus
) -> Iterator[Planned]:
    """A copy of the first 8 s of each original by `copier`, which is called `name`."""
    for original in originals:
        yield Planned(
            engine=engine,
            system=f"copy:{name}",
            language=original.language,
            speaker=original.speaker,
            name=original.sha,
            make=functools.partial(_copy, name, copier, original, corpus),
            pair=original.sha,
        )


def at_level_of(samples: Samples, generated: np.ndarray) -> Samples:
    """`generated` at the length and RMS of `samples`."""
    fitted = np.zeros(samples.size)
    count = min(samples.size, generated.size)
    fitted[:count] = generated[:count]
    power = np.mean(np.square(fitted))
    gain = np.sqrt(np.mean(np.square(samples, dtype=np.float64)) / power) if power > 0.0 else 0.0
    return (fitted * gain).astype(np.float32)


def _copy(name: str, copier: Copier, original: Clip, corpus: Corpus) -> Sound:
    samples = corpus.samples(original, 0, round(LONGEST_SECONDS * SAMPLE_RATE))
    return Sound(copier(samples, generator_of(name, original.sha)), SAMPLE_RATE)


def _world_analysis(samples: Samples) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    signal = samples.astype(np.float64)
    coarse, time = pyworld.dio(signal, SAMPLE_RATE)
    f0 = pyworld.stonemask(signal, coarse, time, SAMPLE_RATE)
    envelope = pyworld.cheaptrick(signal, f0, time, SAMPLE_RATE)
    return f0, envelope, pyworld.d4c(signal, f0, time, SAMPLE_RATE)


def _pitch(samples: Samples, hop: int) -> np.ndarray:
    """f0 in Hz every `hop` samples, 0 where there is no voice."""
    signal = samples.astype(np.float64)
    coarse, time = pyworld.dio(signal, SAMPLE_RATE, frame_period=1000 * hop / SAMPLE_RATE)
    return pyworld.stonemask(signal, coarse, time, SAMPLE_RATE)


def _excitation(f0: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Unit-power pulses at `f0` (n,) in Hz, white noise where it is 0."""
    turns = np.floor(np.cumsum(f0) / SAMPLE_RATE)
    pulses = np.diff(turns, prepend=0.0) * np.sqrt(SAMPLE_RATE / np.maximum(f0, 1.0))
    return np.where(f0 > 0.0, pulses, generator.standard_normal(f0.size))


def _all_pole(frame: np.ndarray) -> tuple[np.ndarray, float]:
    """Predictor polynomial (19,) and gain of the autocorrelation method."""
    lags = np.correlate(frame, frame, "full")[frame.size - 1 : frame.size + LPC_ORDER]
    lags[0] = lags[0] * (1.0 + 1e-5) + 1e-9
    coefficients = solve_toeplitz(lags[:-1], lags[1:])
    error = max(float(lags[0] - coefficients @ lags[1:]), 0.0)
    return np.concatenate(([1.0], -coefficients)), float(np.sqrt(error / frame.size))


@functools.cache
def _pseudo_inverse(bands: int, fft: int) -> torch.Tensor:
    return torch.linalg.pinv(mel_filters(bands, fft))
