"""The encoder: three recurrent layers, begun from those of GE2E, behind a convolution.

Wan et al., Generalized End-to-End Loss for Speaker Verification (2018), as trained in the package
`resemblyzer` (Apache-2.0). `training.speaker.fit` goes on from those weights.
"""

import io
import zipfile
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from training.speaker.frontend import (
    BINS,
    HOP,
    MELS,
    PADDING,
    WINDOW,
    fourier_basis,
    slaney_filters,
)

LAYERS = 3
WIDTH = 256


class FrontEnd(nn.Module):
    """Canonical speech to mel powers."""

    def __init__(self) -> None:
        """Has nothing to learn."""
        super().__init__()
        self.register_buffer("basis", torch.from_numpy(fourier_basis()).unsqueeze(1))
        self.register_buffer("filters", torch.from_numpy(slaney_filters(MELS, WINDOW)))

    def forward(self, waveform: Tensor) -> Tensor:
        """(batch, samples) to (batch, samples // HOP, MELS)."""
        padded = nn.functional.pad(waveform.unsqueeze(1), (PADDING, PADDING))
        spectrum = nn.functional.conv1d(padded, self.basis, stride=HOP).square()
        return torch.matmul(self.filters, spectrum[:, :BINS] + spectrum[:, BINS:]).mT


class Encoder(nn.Module):
    """Mel powers to an embedding of unit length."""

    def __init__(self) -> None:
        """Random weights."""
        super().__init__()
        self.lstm = nn.LSTM(MELS, WIDTH, LAYERS, batch_first=True)
        self.linear = nn.Linear(WIDTH, WIDTH)

    def forward(self, mels: Tensor) -> Tensor:
        """(batch, frames, MELS) to (batch, WIDTH)."""
        outputs, _ = self.lstm(mels)
        return normalize(torch.relu(self.linear(outputs[:, -1])), dim=1)


class WaveformEncoder(nn.Module):
    """What is shipped: canonical speech to a centred embedding of unit length."""

    def __init__(self, encoder: Encoder, centre: Tensor) -> None:
        """`centre`: the mean embedding of many speakers, which is subtracted."""
        super().__init__()
        self.front_end = FrontEnd()
        self.encoder = encoder
        self.register_buffer("centre", centre)

    def forward(self, waveform: Tensor) -> Tensor:
        """(batch, samples) to (batch, WIDTH)."""
        return normalize(self.encoder(self.front_end(waveform)) - self.centre, dim=1)


def ge2e(wheel: Path) -> Encoder:
    """The encoder in `wheel` of resemblyzer."""
    stored = zipfile.ZipFile(wheel).read("resemblyzer/pretrained.pt")
    state: dict[str, Tensor] = torch.load(io.BytesIO(stored), "cpu", weights_only=True)[
        "model_state"
    ]
    encoder = Encoder()
    encoder.load_state_dict({key: state[key] for key in encoder.state_dict()})
    return encoder
