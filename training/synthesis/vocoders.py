"""Two small neural vocoders, from log-mel spectra to 16 kHz, in the manner of today's systems.

`istft` predicts the magnitudes and phases of an inverse short-time Fourier transform (Vocos,
Siuzdak 2023, https://arxiv.org/abs/2306.00814); `upsampling` goes from frames to samples by
transposed convolutions (HiFi-GAN, Kong et al. 2020, https://arxiv.org/abs/2010.05646). They leave
different traces: one of phase, the other of imaging. `training.synthesis.vocoder_training` fits
them.
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from training.synthesis.copying import at_level_of
from training.synthesis.spectra import istft, mel_filters, stft
from veravox.audio.canonical import Samples, level

FFT = 1024
HOP = 256
BANDS = 80
STRIDES = (8, 8, 4)


def log_mel(samples: Tensor) -> Tensor:
    """(..., n) -> (..., 80, 1 + n / 256)."""
    return (mel_filters(BANDS, FFT) @ stft(samples, FFT, HOP).abs()).clamp(min=1e-4).log()


class ConvNextBlock(nn.Module):
    """A depthwise convolution over time, then two pointwise layers; residual."""

    def __init__(self, width: int) -> None:
        """`width`: channels in and out."""
        super().__init__()
        self.depthwise = nn.Conv1d(width, width, 7, padding=3, groups=width)
        self.norm = nn.GroupNorm(1, width)
        self.wide = nn.Conv1d(width, 3 * width, 1)
        self.narrow = nn.Conv1d(3 * width, width, 1)

    def forward(self, values: Tensor) -> Tensor:
        """(batch, width, frames) -> the same shape."""
        hidden = self.wide(self.norm(self.depthwise(values)))
        return values + self.narrow(functional.gelu(hidden))


class SpectralGenerator(nn.Module):
    """Log-mel frames to a spectrum, and by an inverse transform to samples."""

    def __init__(self, width: int = 192, depth: int = 5) -> None:
        """`width`: channels; `depth`: ConvNeXt blocks."""
        super().__init__()
        self.first = nn.Conv1d(BANDS, width, 7, padding=3)
        self.blocks = nn.Sequential(*(ConvNextBlock(width) for _ in range(depth)))
        self.norm = nn.GroupNorm(1, width)
        self.last = nn.Conv1d(width, FFT + 2, 1)

    def forward(self, mel: Tensor) -> Tensor:
        """(batch, 80, frames) -> (batch, (frames - 1) * 256)."""
        hidden = self.last(self.norm(self.blocks(self.first(mel))))
        magnitude, phase = hidden.chunk(2, dim=1)
        spectra = torch.polar(magnitude.clamp(max=6.0).exp(), phase)
        return istft(spectra, FFT, HOP, (mel.shape[-1] - 1) * HOP)


class ResidualBlock(nn.Module):
    """Two dilated convolutions; residual."""

    def __init__(self, width: int) -> None:
        """`width`: channels in and out."""
        super().__init__()
        self.near = nn.Conv1d(width, width, 3, padding=1)
        self.far = nn.Conv1d(width, width, 3, padding=3, dilation=3)

    def forward(self, values: Tensor) -> Tensor:
        """(batch, width, n) -> the same shape."""
        hidden = self.near(functional.leaky_relu(values, 0.1))
        return values + self.far(functional.leaky_relu(hidden, 0.1))


class UpsamplingGenerator(nn.Module):
    """Log-mel frames to samples by transposed convolutions of strides 8, 8 and 4."""

    def __init__(self, width: int = 160) -> None:
        """`width`: channels at the frame rate, halved with every stride."""
        super().__init__()
        self.first = nn.Conv1d(BANDS, width, 7, padding=3)
        stages: list[nn.Module] = []
        for stride in STRIDES:
            stages += [
                nn.LeakyReLU(0.1),
                nn.ConvTranspose1d(width, width // 2, 2 * stride, stride, padding=stride // 2),
                ResidualBlock(width // 2),
            ]
            width //= 2
        self.stages = nn.Sequential(*stages)
        self.last = nn.Conv1d(width, 1, 7, padding=3)

    def forward(self, mel: Tensor) -> Tensor:
        """(batch, 80, frames) -> (batch, (frames - 1) * 256)."""
        samples = self.last(functional.leaky_relu(self.stages(self.first(mel)), 0.1))
        return torch.tanh(samples[:, 0, HOP // 2 : -(HOP // 2)])


GENERATORS: dict[str, type[SpectralGenerator] | type[UpsamplingGenerator]] = {
    "istft": SpectralGenerator,
    "upsampling": UpsamplingGenerator,
}


class Vocoder:
    """A fitted generator as a copier of speech."""

    def __init__(self, generator: nn.Module) -> None:
        """`generator`: one of `GENERATORS`, fitted."""
        self._generator = generator.eval()

    def __call__(self, samples: Samples, generator: np.random.Generator) -> Samples:
        """A copy of `samples` (n,) at their length and level; nothing in it is random."""
        del generator
        padded = np.pad(level(samples), (0, HOP))
        with torch.inference_mode():
            copy = self._generator(log_mel(torch.from_numpy(padded))[None])[0].numpy()
        return at_level_of(samples, copy)


def save(generator: nn.Module, path: Path) -> None:
    """Writes the weights as an uncompressed NumPy archive."""
    np.savez(path, **{name: value.numpy() for name, value in generator.state_dict().items()})


def load(name: str, path: Path) -> nn.Module:
    """The generator `name` with the weights of `path`.

    Raises RuntimeError when names or shapes are not those of the generator.
    """
    generator = GENERATORS[name]()
    with np.load(path) as weights:
        generator.load_state_dict({key: torch.from_numpy(weights[key]) for key in weights})
    return generator
