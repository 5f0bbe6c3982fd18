"""The front end of the speaker encoder: mel powers as its recurrent layers were trained to read.

The ONNX graph computes them from the waveform, the transform as a convolution.
"""

import numpy as np
from numpy.typing import NDArray

from veravox.audio.canonical import SAMPLE_RATE, TARGET_RMS

HOP = 160
WINDOW = 400
BINS = WINDOW // 2 + 1
MELS = 40
PADDING = (WINDOW - HOP) // 2
RMS = 10.0 ** (-30 / 20)
"""The level at which the recurrent layers were trained, of full scale."""

Floats = NDArray[np.float32]


def fourier_basis() -> Floats:
    """Cosines, then sines, under a periodic Hann window of 25 ms, (2 * BINS, WINDOW).

    Scaled from the level of canonical windows to `RMS`.
    """
    turns = (np.arange(BINS)[:, None] * np.arange(WINDOW) % WINDOW) / WINDOW
    basis = np.concatenate([np.cos(2.0 * np.pi * turns), np.sin(2.0 * np.pi * turns)])
    hann = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(WINDOW) / WINDOW)
    return (basis * hann * (RMS / TARGET_RMS)).astype(np.float32)


def slaney_filters(bands: int, transform: int) -> Floats:
    """Mel filters of equal area, (bands, bins), on Slaney's scale (Auditory Toolbox, 1998)."""
    step = np.log(6.4) / 27.0

    def mel(hertz: float) -> float:
        return hertz * 3.0 / 200.0 if hertz < 1000.0 else 15.0 + np.log(hertz / 1000.0) / step

    mels = np.linspace(mel(0.0), mel(SAMPLE_RATE / 2), bands + 2)
    corners = np.where(mels < 15.0, mels * 200.0 / 3.0, 1000.0 * np.exp(step * (mels - 15.0)))
    areas = (corners[2:] - corners[:-2]) / 2.0
    return (_from_corners(corners, transform) / areas[:, None]).astype(np.float32)


def _from_corners(corners: np.ndarray, transform: int) -> np.ndarray:
    bins = np.linspace(0.0, SAMPLE_RATE / 2, transform // 2 + 1)
    low, centre, high = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    triangles = np.minimum((bins - low) / (centre - low), (high - bins) / (high - centre))
    return np.maximum(triangles, 0.0)
