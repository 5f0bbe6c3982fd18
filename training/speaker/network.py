"""The encoder: a time-delay network with attentive pooling, after ECAPA-TDNN.

Desplanques et al., ECAPA-TDNN, 2020, cut down: frames of 20 ms, four residual blocks with
squeeze-excitation, all of whose outputs are pooled.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from training.speaker.frontend import (
    BINS,
    HOP,
    MELS,
    PADDING,
    POWER_FLOOR,
    RELATIVE_FLOOR,
    fourier_basis,
    mel_filters,
)

WIDTH = 256
CHANNELS = 256
POOLED = 512
STRIDE = 2
DILATIONS = (1, 2, 3, 4)
VARIANCE_FLOOR = 1e-4


class Block(nn.Module):
    """Dilated convolution, mixing of channels, squeeze-excitation, and the way around."""

    def __init__(self, dilation: int) -> None:
        """Frames up to `dilation` away are seen."""
        super().__init__()
        self.delay = nn.Conv1d(CHANNELS, CHANNELS, 3, padding=dilation, dilation=dilation)
        self.delay_norm = nn.BatchNorm1d(CHANNELS)
        self.mix = nn.Conv1d(CHANNELS, CHANNELS, 1)
        self.mix_norm = nn.BatchNorm1d(CHANNELS)
        self.squeeze = nn.Linear(CHANNELS, CHANNELS // 4)
        self.excite = nn.Linear(CHANNELS // 4, CHANNELS)

    def forward(self, hidden: Tensor) -> Tensor:
        """(batch, CHANNELS, frames) to the same shape."""
        changed = self.delay_norm(torch.relu(self.delay(hidden)))
        changed = self.mix_norm(torch.relu(self.mix(changed)))
        gate = torch.sigmoid(self.excite(torch.relu(self.squeeze(changed.mean(dim=2)))))
        return hidden + changed * gate.unsqueeze(2)


class Encoder(nn.Module):
    """Log-mels to an embedding that is not yet of unit length."""

    def __init__(self) -> None:
        """Random weights."""
        super().__init__()
        self.stem = nn.Conv1d(MELS, CHANNELS, 5, stride=STRIDE, padding=2)
        self.stem_norm = nn.BatchNorm1d(CHANNELS)
        self.blocks = nn.ModuleList(Block(dilation) for dilation in DILATIONS)
        self.gather = nn.Conv1d(CHANNELS * len(DILATIONS), POOLED, 1)
        self.attend = nn.Conv1d(POOLED, 64, 1)
        self.weigh = nn.Conv1d(64, POOLED, 1)
        self.pooled_norm = nn.BatchNorm1d(2 * POOLED)
        self.embed = nn.Linear(2 * POOLED, WIDTH)

    def forward(self, log_mels: Tensor) -> Tensor:
        """(batch, MELS, frames) to (batch, WIDTH)."""
        hidden = log_mels - log_mels.mean(dim=2, keepdim=True)
        hidden = self.stem_norm(torch.relu(self.stem(hidden)))
        outputs: list[Tensor] = []
        for block in self.blocks:
            hidden = block(hidden)
            outputs.append(hidden)
        gathered = torch.relu(self.gather(torch.cat(outputs, dim=1)))
        weights = torch.softmax(self.weigh(torch.tanh(self.attend(gathered))).float(), dim=2)
        gathered = gathered.float()
        mean = (weights * gathered).sum(dim=2)
        variance = (weights * gathered.square()).sum(dim=2) - mean.square()
        deviation = variance.clamp(min=VARIANCE_FLOOR).sqrt()
        return self.embed(self.pooled_norm(torch.cat([mean, deviation], dim=1)))


class WaveformEncoder(nn.Module):
    """What is shipped: canonical speech to a centred embedding of unit length."""

    def __init__(self, encoder: Encoder, centre: Tensor) -> None:
        """`centre`: the mean embedding of many speakers, which is subtracted."""
        super().__init__()
        self.encoder = encoder
        self.register_buffer("centre", centre)
        self.register_buffer("basis", torch.from_numpy(fourier_basis()).unsqueeze(1))
        self.register_buffer("filters", torch.from_numpy(mel_filters()))

    def forward(self, waveform: Tensor) -> Tensor:
        """(batch, samples) to (batch, WIDTH)."""
        padded = nn.functional.pad(waveform.unsqueeze(1), (PADDING, PADDING))
        spectrum = nn.functional.conv1d(padded, self.basis, stride=HOP).square()
        mels = torch.matmul(self.filters, spectrum[:, :BINS] + spectrum[:, BINS:])
        reference = mels.mean(dim=(1, 2), keepdim=True) + POWER_FLOOR
        log_mels = torch.log(mels / reference + RELATIVE_FLOOR)
        return normalize(self.encoder(log_mels) - self.centre, dim=1)
