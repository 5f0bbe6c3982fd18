"""The student: log-mel frames relative to the level around them, then dilated convolutions.

The waveform may have any level: mel powers are divided by their mean over the surrounding second,
so that the net sees spectra and contrasts, never loudness.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.speech_activity.frontend import (
    BINS,
    CONTEXT_FRAMES,
    HOP,
    POWER_FLOOR,
    RELATIVE_FLOOR,
    WINDOW,
    fourier_basis,
    mel_filters,
)

CHANNELS = 48
STEM_KERNEL = 6
STEM_PADDING = (2, 3)
STRIDE = 2
DILATIONS = (1, 2, 4, 8, 4, 2)


class FrontEnd(nn.Module):
    """Waveforms (batch, n) -> relative log-mel frames (batch, MELS, n // 160)."""

    def __init__(self) -> None:
        """The basis and the filters are constants, not parameters."""
        super().__init__()
        self.register_buffer("basis", torch.from_numpy(fourier_basis()))
        self.register_buffer("filters", torch.from_numpy(mel_filters()))

    @torch.no_grad()
    def forward(self, waveform: Tensor) -> Tensor:
        """Natural logarithm of mel power over the local mean, floored at -50 dB."""
        padded = functional.pad(waveform, ((WINDOW - HOP) // 2,) * 2)
        spectrum = self.basis @ padded.unfold(-1, WINDOW, HOP).transpose(1, 2)
        power = spectrum[:, :BINS].square() + spectrum[:, BINS:].square()
        mel = self.filters @ power
        local = functional.avg_pool1d(
            mel.mean(dim=1, keepdim=True),
            CONTEXT_FRAMES,
            stride=1,
            padding=CONTEXT_FRAMES // 2,
            count_include_pad=False,
        )
        return torch.log(mel / (local + POWER_FLOOR) + RELATIVE_FLOOR)


class Student(nn.Module):
    """Relative log-mel frames (batch, MELS, frames) -> logits (batch, frames).

    Two frames share one step, so that the residual blocks run at 50 Hz; the receptive field
    is about 0.9 s, half of it in the future.
    """

    def __init__(self, mels: int) -> None:
        """`mels` is the number of mel bands."""
        super().__init__()
        self.stem = nn.Conv1d(mels, CHANNELS, STEM_KERNEL, stride=STRIDE, bias=False)
        self.stem_norm = nn.BatchNorm1d(CHANNELS)
        self.blocks = nn.ModuleList(
            nn.Conv1d(CHANNELS, CHANNELS, 3, padding=dilation, dilation=dilation, bias=False)
            for dilation in DILATIONS
        )
        self.norms = nn.ModuleList(nn.BatchNorm1d(CHANNELS) for _ in DILATIONS)
        self.head = nn.Conv1d(CHANNELS, STRIDE, 1)

    def forward(self, features: Tensor) -> Tensor:
        """One logit per 10-ms frame, positive for speech."""
        frames = features.shape[-1]
        hidden = self.stem_norm(self.stem(functional.pad(features, STEM_PADDING))).relu()
        for block, norm in zip(self.blocks, self.norms, strict=True):
            hidden = hidden + norm(block(hidden)).relu()
        return self.head(hidden).transpose(1, 2).flatten(1)[:, :frames]

    @torch.no_grad()
    def folded(self) -> list[tuple[Tensor, Tensor]]:
        """Weight and bias of every convolution in order, batch normalisation folded in."""
        pairs = [(self.stem, self.stem_norm), *zip(self.blocks, self.norms, strict=True)]
        folded = []
        for convolution, norm in pairs:
            scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            folded.append(
                (convolution.weight * scale[:, None, None], norm.bias - norm.running_mean * scale)
            )
        folded.append((self.head.weight.detach(), self.head.bias.detach()))
        return folded
