"""The large linear layers of an exported graph as products of 8-bit integers.

Weights have 7 bits a column, activations 8 bits over a fixed range. With 7 bits no product
overflows on processors without VNNI, and with fixed ranges a window's logit depends neither on its
batch nor on the processor beyond rounding.
"""

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

from veravox.audio.canonical import Samples
from veravox.detection.detector import INPUT_NAME

HIGHEST_WEIGHT = 63
HIGHEST_ACTIVATION = 255

Ranges = dict[str, tuple[float, float]]


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
            [
                (values.min(), values.max())
                for values in session.run(names, {INPUT_NAME: window[None]})
            ]
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
        values = numpy_helper.to_array(weights[node.input[1]]).astype(np.float32)
        nodes += _integer_product(graph, node, values, ranges[node.input[0]])
    del graph.node[:]
    graph.node.extend(nodes)
    for name in {node.input[1] for node in layers.values()}:
        graph.initializer.remove(weights[name])


def add_to_output(model: onnx.ModelProto, name: str, value: float) -> None:
    """Adds a constant to the float32 output `name`."""
    inner, constant = f"{name}_unmoved", f"{name}_constant"
    for node in model.graph.node:
        node.output[:] = [inner if output == name else output for output in node.output]
        node.input[:] = [inner if given == name else given for given in node.input]
    model.graph.initializer.append(numpy_helper.from_array(np.float32(value), constant))
    model.graph.node.append(helper.make_node("Add", [inner, constant], [name]))


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
