"""Short-time spectra in PyTorch, shared by Griffin-Lim and the neural vocoders."""

import functools

import numpy as np
import torch
from torch import Tensor

from veravox.audio.canonical import SAMPLE_RATE


def stft(samples: Tensor, fft: int, hop: int) -> Tensor:
    """Complex spectra of `samples` (..., n) under a Hann window: (..., fft / 2 + 1, frames)."""
    window = torch.hann_window(fft)
    return torch.stft(samples, fft, hop, window=window, center=True, return_complex=True)


def istft(spectra: Tensor, fft: int, hop: int, length: int) -> Tensor:
    """The inverse of `stft`, `length` samples long."""
    window = torch.hann_window(fft)
    return torch.istft(spectra, fft, hop, window=window, center=True, length=length)


@functools.cache
def mel_filters(bands: int, fft: int) -> Tensor:
    """Triangular filters, equally spaced on the mel scale from 0 to 8 kHz: (bands, fft / 2 + 1).

    Mel scale: O'Shaughnessy 1987, 2595 log10(1 + f / 700).
    """
    highest = 2595.0 * np.log10(1.0 + SAMPLE_RATE / 2 / 700.0)
    edges = 700.0 * (10.0 ** (np.linspace(0.0, highest, bands + 2) / 2595.0) - 1.0)
    frequencies = np.linspace(0.0, SAMPLE_RATE / 2, fft // 2 + 1)
    rising = (frequencies - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - frequencies) / np.diff(edges)[1:, None]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    return torch.from_numpy(triangles.astype(np.float32))
