"""The log-mel front end of the speaker encoder, as constants and as numpy.

The ONNX graph computes the same from the waveform; training keeps the features on disk.
"""

import numpy as np
from numpy.typing import NDArray

from veravox.audio.canonical import SAMPLE_RATE, Samples

HOP = 160
WINDOW = 400
TRANSFORM = 512
BINS = TRANSFORM // 2 + 1
MELS = 64
LOW_HZ = 60.0
HIGH_HZ = 7600.0
PADDING = (WINDOW - HOP) // 2
RELATIVE_FLOOR = 1e-4
POWER_FLOOR = 1e-10

Floats = NDArray[np.float32]


def mel_filters() -> Floats:
    """Triangles on the mel scale of O'Shaughnessy (1987), (MELS, BINS); rows sum to one.

    A triangle is at least one bin wide to either side.
    """
    bounds = 2595.0 * np.log10(1.0 + np.array([LOW_HZ, HIGH_HZ]) / 700.0)
    mels = np.linspace(bounds[0], bounds[1], MELS + 2)
    corners = 700.0 * (10.0 ** (mels / 2595.0) - 1.0)
    width = SAMPLE_RATE / TRANSFORM
    bins = np.arange(BINS) * width
    centre = corners[1:-1, None]
    low = np.minimum(corners[:-2], corners[1:-1] - width)[:, None]
    high = np.maximum(corners[2:], corners[1:-1] + width)[:, None]
    triangles = np.minimum((bins - low) / (centre - low), (high - bins) / (high - centre))
    filters = np.maximum(triangles, 0.0)
    return (filters / filters.sum(axis=1, keepdims=True)).astype(np.float32)


def window() -> Floats:
    """A periodic Hann window of 25 ms, scaled so that a bin is a mean-square power."""
    hann = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(WINDOW) / WINDOW)
    return (hann / np.sqrt(np.square(hann).sum() * TRANSFORM / 2.0)).astype(np.float32)


def fourier_basis() -> Floats:
    """Windowed cosines, then sines, (2 * BINS, WINDOW): the transform as a convolution."""
    turns = (np.arange(BINS)[:, None] * np.arange(WINDOW) % TRANSFORM) / TRANSFORM
    basis = np.concatenate([np.cos(2.0 * np.pi * turns), np.sin(2.0 * np.pi * turns)])
    return (basis * window()).astype(np.float32)


def mel_powers(samples: Samples) -> Floats:
    """Mel-band powers of canonical `samples`, (n,) -> (n // 160, MELS)."""
    padded = np.pad(samples, PADDING)
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    spectra = np.fft.rfft(frames * window(), TRANSFORM, axis=1)
    powers = np.square(spectra.real) + np.square(spectra.imag)
    return (powers @ mel_filters().T).astype(np.float32)


def log_mels(powers: Floats) -> Floats:
    """Logarithms of band powers, relative to the mean over all bands and frames, same shape."""
    reference = powers.mean() + POWER_FLOOR
    return np.log(powers / reference + RELATIVE_FLOOR)
