"""AASIST and AASIST-L (Jung et al., ICASSP 2022), written from the paper; weights are the user's.

Band-pass filters on the waveform, a residual network, and graph attention over spectral and
temporal nodes that meet in two heterogeneous branches. Attribute names are those of the published
checkpoints, which are read strictly and without running any code in them.
"""

import pickle
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from veravox.audio.canonical import SAMPLE_RATE, Samples
from veravox.errors import InvalidModel

SAMPLES = 64_600
FILTERS = 70
KERNEL = 129
SPECTRAL_NODES = 23
BONAFIDE = 1
NODE_TEMPERATURE = 2.0
BRANCH_TEMPERATURE = 100.0


@dataclass(frozen=True, slots=True)
class Shape:
    """What the two differ in: channels of the blocks, widths, and shares of nodes kept."""

    channels: tuple[int, int]
    widths: tuple[int, int]
    kept: tuple[float, float, float]


SHAPES = {
    "AASIST": Shape((32, 64), (64, 32), (0.5, 0.7, 0.5)),
    "AASIST-L": Shape((32, 24), (24, 32), (0.4, 0.5, 0.7)),
}


class Block(nn.Module):
    """Two convolutions beside a shortcut, and pooling over time by three."""

    def __init__(self, inputs: int, outputs: int, first: bool) -> None:
        """The published weights were trained without the first normalisation in effect."""
        super().__init__()
        if not first:
            self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, (2, 3), padding=(1, 1))
        self.bn2 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, (2, 3), padding=(0, 1))
        self.conv_downsample = (
            nn.Conv2d(inputs, outputs, (1, 3), padding=(0, 1)) if inputs != outputs else None
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, frequency, time) -> (batch, outputs, frequency, time / 3)."""
        shortcut = x if self.conv_downsample is None else self.conv_downsample(x)
        inner = self.conv2(functional.selu(self.bn2(self.conv1(x))))
        return functional.max_pool2d(inner + shortcut, (1, 3))


class GraphAttention(nn.Module):
    """Attention between all pairs of nodes of one kind."""

    def __init__(self, inputs: int, outputs: int) -> None:
        """Widths of the nodes before and after."""
        super().__init__()
        self.att_proj = nn.Linear(inputs, outputs)
        self.att_weight = nn.Parameter(torch.zeros(outputs, 1))
        self.proj_with_att = nn.Linear(inputs, outputs)
        self.proj_without_att = nn.Linear(inputs, outputs)
        self.bn = nn.BatchNorm1d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, nodes, inputs) -> (batch, nodes, outputs)."""
        pairs = torch.tanh(self.att_proj(x[:, :, None] * x[:, None]))
        attention = torch.softmax(pairs @ self.att_weight / NODE_TEMPERATURE, dim=-2).squeeze(-1)
        mixed = self.proj_with_att(attention @ x) + self.proj_without_att(x)
        return functional.selu(_normalised(self.bn, mixed))


class HeterogeneousAttention(nn.Module):
    """Attention between nodes of two kinds, and a master node that gathers from all."""

    def __init__(self, inputs: int, outputs: int) -> None:
        """Widths of the nodes before and after."""
        super().__init__()
        self.proj_type1 = nn.Linear(inputs, inputs)
        self.proj_type2 = nn.Linear(inputs, inputs)
        for name in ("att_proj", "att_projM", "proj_with_att", "proj_without_att"):
            setattr(self, name, nn.Linear(inputs, outputs))
        for name in ("proj_with_attM", "proj_without_attM"):
            setattr(self, name, nn.Linear(inputs, outputs))
        for name in ("11", "22", "12", "M"):
            setattr(self, f"att_weight{name}", nn.Parameter(torch.zeros(outputs, 1)))
        self.bn = nn.BatchNorm1d(outputs)

    def forward(self, first: Tensor, second: Tensor, master: Tensor) -> tuple[Tensor, ...]:
        """Both kinds (batch, nodes, inputs) and the master (batch, 1, inputs) -> outputs wide."""
        count = first.size(1)
        x = torch.cat((self.proj_type1(first), self.proj_type2(second)), dim=1)
        attention = self._attention(x, count)
        heard = torch.tanh(self.att_projM(x * master)) @ self.att_weightM
        heard = torch.softmax(heard / BRANCH_TEMPERATURE, dim=-2).transpose(1, 2)
        master = self.proj_with_attM(heard @ x) + self.proj_without_attM(master)
        mixed = self.proj_with_att(attention @ x) + self.proj_without_att(x)
        x = functional.selu(_normalised(self.bn, mixed))
        return x[:, :count], x[:, count:], master

    def _attention(self, x: Tensor, count: int) -> Tensor:
        pairs = torch.tanh(self.att_proj(x[:, :, None] * x[:, None]))
        across = pairs @ self.att_weight12
        top = torch.cat(
            (pairs[:, :count, :count] @ self.att_weight11, across[:, :count, count:]), 2
        )
        low = torch.cat(
            (across[:, count:, :count], pairs[:, count:, count:] @ self.att_weight22), 2
        )
        board = torch.cat((top, low), dim=1)
        return torch.softmax(board / BRANCH_TEMPERATURE, dim=-2).squeeze(-1)


class GraphPool(nn.Module):
    """Keeps the nodes with the highest scores, weighted by them."""

    def __init__(self, width: int, kept: float) -> None:
        """`kept`: share of the nodes."""
        super().__init__()
        self.proj = nn.Linear(width, 1)
        self.kept = kept

    def forward(self, x: Tensor) -> Tensor:
        """(batch, nodes, width) -> fewer nodes."""
        scores = torch.sigmoid(self.proj(x))
        best = scores.topk(max(1, int(x.size(1) * self.kept)), dim=1).indices
        return (x * scores).gather(1, best.expand(-1, -1, x.size(2)))


class Aasist(nn.Module):
    """The network of a `Shape`: waveform (batch, 64600) -> logits (batch, 2), spoof first."""

    def __init__(self, shape: Shape) -> None:
        """Random weights; `load` reads published ones."""
        super().__init__()
        narrow, wide = shape.channels
        width, inner = shape.widths
        spectral, temporal, branch = shape.kept
        self.register_buffer("filters", band_pass_filters(), persistent=False)
        self.first_bn = nn.BatchNorm2d(1)
        sizes = (1, narrow, narrow, wide, wide, wide, wide)
        self.encoder = nn.Sequential(
            *(
                nn.Sequential(Block(sizes[i], sizes[i + 1], first=i == 0))
                for i in range(len(sizes) - 1)
            )
        )
        self.pos_S = nn.Parameter(torch.zeros(1, SPECTRAL_NODES, wide))
        self.master1 = nn.Parameter(torch.zeros(1, 1, width))
        self.master2 = nn.Parameter(torch.zeros(1, 1, width))
        self.GAT_layer_S = GraphAttention(wide, width)
        self.GAT_layer_T = GraphAttention(wide, width)
        self.pool_S = GraphPool(width, spectral)
        self.pool_T = GraphPool(width, temporal)
        for way in ("1", "2"):
            setattr(self, f"HtrgGAT_layer_ST{way}1", HeterogeneousAttention(width, inner))
            setattr(self, f"HtrgGAT_layer_ST{way}2", HeterogeneousAttention(inner, inner))
            setattr(self, f"pool_hS{way}", GraphPool(inner, branch))
            setattr(self, f"pool_hT{way}", GraphPool(inner, branch))
        self.out_layer = nn.Linear(5 * inner, 2)

    def forward(self, waveform: Tensor) -> Tensor:
        """The raw logits."""
        x = functional.conv1d(waveform[:, None], self.filters)[:, None]
        x = functional.selu(self.first_bn(functional.max_pool2d(x.abs(), (3, 3))))
        encoded = self.encoder(x).abs()
        spectral = encoded.amax(dim=3).transpose(1, 2) + self.pos_S
        temporal = encoded.amax(dim=2).transpose(1, 2)
        spectral = self.pool_S(self.GAT_layer_S(spectral))
        temporal = self.pool_T(self.GAT_layer_T(temporal))
        ways = [self._way(way, temporal, spectral) for way in ("1", "2")]
        temporal, spectral, master = (
            torch.maximum(one, other) for one, other in zip(*ways, strict=True)
        )
        hidden = (
            temporal.abs().amax(dim=1),
            temporal.mean(dim=1),
            spectral.abs().amax(dim=1),
            spectral.mean(dim=1),
            master.squeeze(1),
        )
        return self.out_layer(torch.cat(hidden, dim=1))

    def _way(self, way: str, temporal: Tensor, spectral: Tensor) -> tuple[Tensor, ...]:
        master = getattr(self, f"master{way}").expand(temporal.size(0), -1, -1)
        outer = getattr(self, f"HtrgGAT_layer_ST{way}1")
        temporal, spectral, master = outer(temporal, spectral, master)
        spectral = getattr(self, f"pool_hS{way}")(spectral)
        temporal = getattr(self, f"pool_hT{way}")(temporal)
        inner = getattr(self, f"HtrgGAT_layer_ST{way}2")
        more = inner(temporal, spectral, master)
        return temporal + more[0], spectral + more[1], master + more[2]


def load(path: Path, name: str) -> Aasist:
    """The network `name`, AASIST or AASIST-L, with the weights in a published checkpoint.

    Raises InvalidModel, naming the file, unless it is a state dictionary of exactly this network;
    nothing but tensors is unpickled.
    """
    network = Aasist(SHAPES[name])
    try:
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except (
        OSError,
        RuntimeError,
        TypeError,
        ValueError,
        EOFError,
        pickle.UnpicklingError,
    ) as error:
        raise InvalidModel(f"{path.name}: not a checkpoint of {name}") from error
    return network.eval()


def spoof_score(network: Aasist, samples: Samples) -> float:
    """The logit of spoof less that of bona fide of the first 4 s at 16 kHz, repeated to fill."""
    with torch.inference_mode():
        logits = network(torch.from_numpy(np.resize(samples, SAMPLES))[None])[0]
    return float(logits[1 - BONAFIDE] - logits[BONAFIDE])


def band_pass_filters() -> Tensor:
    """Hamming-windowed ideal band-passes with edges even on the mel scale, (70, 1, 129)."""
    mel = np.linspace(0.0, 2595 * np.log10(1 + SAMPLE_RATE / 2 / 700), FILTERS + 1)
    edges = 700 * (10 ** (mel / 2595) - 1)
    time = np.arange(-(KERNEL - 1) / 2, (KERNEL - 1) / 2 + 1)
    low_passes = 2 * edges[:, None] / SAMPLE_RATE * np.sinc(2 * edges[:, None] * time / SAMPLE_RATE)
    filters = np.hamming(KERNEL) * np.diff(low_passes, axis=0)
    return torch.from_numpy(filters.astype(np.float32))[:, None]


def _normalised(norm: nn.BatchNorm1d, x: Tensor) -> Tensor:
    return norm(x.flatten(0, 1)).view_as(x)
