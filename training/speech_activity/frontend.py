"""Constants and weights of the log-mel front end, shared by the torch net and the ONNX graph."""

import numpy as np
from numpy.typing import NDArray

from veravox.audio.canonical import SAMPLE_RATE

HOP = 160
WINDOW = 256
BINS = WINDOW // 2 + 1
MELS = 40
MEL_LOW_HZ = 60.0
MEL_HIGH_HZ = 7600.0
CONTEXT_FRAMES = 101
RELATIVE_FLOOR = 1e-5
POWER_FLOOR = 1e-12


def hertz_to_mel(hertz: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mel scale of O'Shaughnessy (1987): 2595 log10(1 + f / 700)."""
    return 2595.0 * np.log10(1.0 + hertz / 700.0)


def mel_to_hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    """The inverse of `hertz_to_mel`."""
    return 700.0 * (10.0 ** (mel / 2595.0) - 1.0)


def mel_filters() -> NDArray[np.float32]:
    """Triangular filters that average power, shape (MELS, BINS); every row sums to one.

    Triangles are at least one bin wide, so that low filters do not fall between two bins.
    """
    bounds = hertz_to_mel(np.array([MEL_LOW_HZ, MEL_HIGH_HZ]))
    corners = mel_to_hertz(np.linspace(bounds[0], bounds[1], MELS + 2))
    bins = np.arange(BINS) * (SAMPLE_RATE / WINDOW)
    width = SAMPLE_RATE / WINDOW
    low = np.minimum(corners[:-2], corners[1:-1] - width)[:, None]
    high = np.maximum(corners[2:], corners[1:-1] + width)[:, None]
    centre = corners[1:-1, None]
    triangles = np.minimum((bins - low) / (centre - low), (high - bins) / (high - centre))
    filters = np.maximum(triangles, 0.0)
    return (filters / filters.sum(axis=1, keepdims=True)).astype(np.float32)


def fourier_basis() -> NDArray[np.float32]:
    """Hann-windowed cosines and sines, shape (2 * BINS, WINDOW), scaled to mean-square power."""
    time = np.arange(WINDOW)
    window = 0.5 - 0.5 * np.cos(2.0 * np.pi * time / WINDOW)
    window *= np.sqrt(2.0 / np.square(window).sum() / WINDOW)
    turns = (np.arange(BINS)[:, None] * time % WINDOW) / WINDOW
    basis = np.concatenate([np.cos(2.0 * np.pi * turns), np.sin(2.0 * np.pi * turns)])
    return (basis * window).astype(np.float32)
