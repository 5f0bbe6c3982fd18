"""The fine-tuned view of a model that has shipped, read back from its graph to go on from there.

Integers become floating point again: a weight is what the graph multiplied by, so that the network
says what the shipped one does, but for the rounding of activations.
"""

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper

VIEW = "tuned."
_BIAS = ".bias"


def read_tuned_view(path: Path) -> dict[str, torch.Tensor]:
    """The state of `training.tune.TunedNetwork`, without its log-mel, from an exported model.

    Raises ValueError for a model without a fine-tuned view.
    """
    graph = onnx.load(path).graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    made = {output: node for node in graph.node for output in node.output}
    state = {
        name.removeprefix(VIEW).removesuffix("_half"): values
        for name, values in constants.items()
        if name.startswith(VIEW)
    }
    if not state:
        raise ValueError(f"{path.name} has no fine-tuned view")
    for node in graph.node:
        bias = next((n for n in node.input if n.startswith(VIEW) and n.endswith(_BIAS)), None)
        if node.op_type != "Add" or bias is None:
            continue
        (product,) = (name for name in node.input if name != bias)
        weights = _matrix(made[product], made, constants)
        if weights is not None:
            state[bias.removeprefix(VIEW).removesuffix(_BIAS) + ".weight"] = weights.T
    return {name: torch.from_numpy(values.astype(np.float32)) for name, values in state.items()}


def _matrix(
    node: onnx.NodeProto, made: dict[str, onnx.NodeProto], constants: dict[str, np.ndarray]
) -> np.ndarray | None:
    """What `node` multiplies by, (inputs, outputs), None where it is no product with a constant.

    A product of integers is scaled by its columns' steps times that of its input.
    """
    if node.op_type == "MatMul":
        return constants.get(f"{node.input[1]}_half", constants.get(node.input[1]))
    if node.op_type != "Mul" or not node.input[1].endswith("_scale"):
        return None
    product = made[made[node.input[0]].input[0]]
    step = constants[made[product.input[0]].input[1]]
    return constants[product.input[1]].astype(np.float32) * (constants[node.input[1]] / step)
