"""What all exported ONNX graphs have in common."""

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

OPSET = 18
SMALLEST_HALF = 1024
LARGEST_BATCH = 64


def to_graph(
    module: nn.Module, example: Tensor, source: str, outputs: list[str]
) -> onnx.ModelProto:
    """`module` as a graph whose input `source`, like `example`, and `outputs` begin with a batch.

    Weights are rounded to float16 first, in `module` too, so that both compute the same.
    """
    module.eval()
    for parameter in module.parameters():
        parameter.data = parameter.data.half().float()
    program = torch.onnx.export(
        module,
        (example,),
        dynamo=True,
        opset_version=OPSET,
        input_names=[source],
        output_names=outputs,
        dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=LARGEST_BATCH)},),
    )
    return program.model_proto


def halve(model: onnx.ModelProto) -> None:
    """Keep large float32 constants as float16 with a Cast, which is folded when loading."""
    graph = model.graph
    casts = []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < SMALLEST_HALF:
            continue
        values = numpy_helper.to_array(tensor)
        halved = values.astype(np.float16)
        if not np.array_equal(halved.astype(np.float32), values):
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(halved, f"{name}_half"))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    for index, cast in enumerate(casts):
        graph.node.insert(index, cast)


def anonymise(model: onnx.ModelProto) -> None:
    """Drop what only describes the machine and the source code that exported the graph."""
    model.doc_string = ""
    del model.metadata_props[:]
    for node in model.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output):
        del value.metadata_props[:]
