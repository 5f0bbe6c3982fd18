"""The encoder as it ships: one ONNX graph from waveform to pooled features, in 8-bit integers.

Training reads its features from the very graph that serving runs, so that rounding is part of what
the head learns. The large linear layers multiply integers: weights of 7 bits a column, activations
of 8 bits over a fixed range. With 7 bits no product overflows on processors without VNNI, and with
fixed ranges a window's features depend neither on its batch nor on the processor beyond rounding.
"""

import hashlib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
import onnxruntime as ort
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from training.graphs import anonymise, halve, to_graph
from training.whisper import Encoder, pooled
from veravox.audio.canonical import Samples

INPUT = "waveform"
OUTPUT = "features"
HIGHEST_WEIGHT = 63
HIGHEST_ACTIVATION = 255

Ranges = dict[str, tuple[float, float]]


class PooledEncoder(nn.Module):
    """Waveform (batch, 80000) -> pooled features (batch, layers, statistics, width)."""

    def __init__(self, encoder: Encoder) -> None:
        """All outputs of `encoder` are pooled."""
        super().__init__()
        self.encoder = encoder

    def forward(self, waveform: Tensor) -> Tensor:
        """See the class."""
        return pooled(self.encoder(waveform))


class QuantisedEncoder:
    """Runs the graph that `write_encoder` wrote, each window on its own as in serving."""

    def __init__(self, path: Path, threads: int = 1) -> None:
        """`threads`: how many windows at once. `name` tells this graph from every other."""
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self.path = path
        self.name = f"{path.stem}-{hashlib.sha256(path.read_bytes()).hexdigest()[:8]}"
        self._session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self._threads = threads

    def features(self, window: Samples) -> np.ndarray:
        """Pooled features of a window in the model's view, (layers, statistics, width) float32."""
        return self._session.run([OUTPUT], {INPUT: window[np.newaxis]})[0][0]

    def encode(self, windows: Sequence[Samples]) -> np.ndarray:
        """Pooled features of windows: (n, layers, statistics, width) float16."""
        with ThreadPoolExecutor(self._threads) as pool:
            return np.stack(list(pool.map(self.features, windows))).astype(np.float16)


def write_encoder(encoder: Encoder, windows: Sequence[Samples], path: Path) -> None:
    """Writes the quantised graph of `encoder`; `windows` say how far activations reach."""
    example = torch.from_numpy(np.stack(windows[:2]))
    model = to_graph(PooledEncoder(deepcopy(encoder)), example, INPUT, [OUTPUT])
    quantise(model, activation_ranges(model, windows))
    halve(model)
    anonymise(model)
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)


def activation_ranges(model: onnx.ModelProto, windows: Iterable[Samples]) -> Ranges:
    """The lowest and highest value that goes into each layer to be quantised, over `windows`."""
    names = list(dict.fromkeys(node.input[0] for node in _large_layers(model).values()))
    with TemporaryDirectory() as folder:
        observed = onnx.ModelProto()
        observed.CopyFrom(model)
        observed.graph.output.extend(
            helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names
        )
        path = Path(folder) / "observed.onnx"
        onnx.save(observed, path)
        session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
        seen = [
            [(values.min(), values.max()) for values in session.run(names, {INPUT: window[None]})]
            for window in windows
        ]
    extremes = np.array(seen, dtype=np.float64)
    lows, highs = extremes[..., 0].min(axis=0), extremes[..., 1].max(axis=0)
    return {
        name: (min(0.0, float(low)), max(0.0, float(high)))
        for name, low, high in zip(names, lows, highs, strict=True)
    }


def quantise(model: onnx.ModelProto, ranges: Ranges) -> None:
    """Replaces the large linear layers of `model` by products of integers."""
    graph = model.graph
    layers = _large_layers(model)
    weights = {tensor.name: tensor for tensor in graph.initializer}
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        if node.name not in layers:
            nodes.append(node)
            continue
        tensor = weights[node.input[1]]
        values = numpy_helper.to_array(tensor).astype(np.float32)
        graph.initializer.remove(tensor)
        nodes += _integer_product(graph, node, values, ranges[node.input[0]])
    del graph.node[:]
    graph.node.extend(nodes)


def _large_layers(model: onnx.ModelProto) -> dict[str, onnx.NodeProto]:
    """Products with constant oblong matrices, by name.

    The square ones, a twelfth of the work, stay as they are: their rounding weighs most.
    """
    shapes = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    matrices = {name for name, dims in shapes.items() if len(dims) == 2 and dims[0] != dims[1]}
    return {
        node.name: node
        for node in model.graph.node
        if node.op_type == "MatMul" and node.input[1] in matrices
    }


def _integer_product(
    graph: onnx.GraphProto, node: onnx.NodeProto, weights: np.ndarray, bounds: tuple[float, float]
) -> list[onnx.NodeProto]:
    """The nodes that compute `node`, (..., rows) by (rows, columns), with integers."""
    column = np.abs(weights).max(axis=0) / HIGHEST_WEIGHT
    step = np.float32((bounds[1] - bounds[0]) / HIGHEST_ACTIVATION)
    constants = {
        "weights": np.round(weights / column).astype(np.int8),
        "step": step,
        "zero": np.uint8(round(-bounds[0] / step)),
        "scale": (column * step).astype(np.float32),
    }
    result = node.output[0]
    names = {key: f"{result}_{key}" for key in (*constants, "integers", "product", "sum")}
    graph.initializer.extend(
        numpy_helper.from_array(np.asarray(value), names[key]) for key, value in constants.items()
    )
    quantised, product, total = names["integers"], names["product"], names["sum"]
    return [
        helper.make_node(
            "QuantizeLinear", [node.input[0], names["step"], names["zero"]], [quantised]
        ),
        helper.make_node("MatMulInteger", [quantised, names["weights"], names["zero"]], [product]),
        helper.make_node("Cast", [product], [total], to=TensorProto.FLOAT),
        helper.make_node("Mul", [total, names["scale"]], [result]),
    ]
