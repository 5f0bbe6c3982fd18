"""The trained student as one ONNX graph from waveform to speech probability.

The Fourier basis is computed inside the graph (ONNX Runtime folds it into a constant when it
loads the model), which keeps a 264-kB table out of the file.
"""

import numpy as np
import onnx
from onnx import numpy_helper, parser

from training.speech_activity.frontend import (
    BINS,
    CONTEXT_FRAMES,
    HOP,
    POWER_FLOOR,
    RELATIVE_FLOOR,
    WINDOW,
    mel_filters,
)
from training.speech_activity.network import DILATIONS, STEM_PADDING, STRIDE, Student

_PAD = (WINDOW - HOP) // 2
_HALF_CONTEXT = CONTEXT_FRAMES // 2
_SCALE = float(np.sqrt(2.0 / (0.375 * WINDOW) / WINDOW))

_FRONT_END = f"""
    size = Constant <value_int = {WINDOW}> ()
    bins = Constant <value_int = {BINS}> ()
    zero = Constant <value_int = 0> ()
    one = Constant <value_int = 1> ()
    time = Range (zero, size, one)
    bin = Range (zero, bins, one)
    columns = Constant <value_ints = [-1, 1]> ()
    bin_column = Reshape (bin, columns)
    steps = Mul (bin_column, time)
    wrapped = Mod (steps, size)
    turns = Cast <to = 1> (wrapped)
    radians = Constant <value_float = {2.0 * np.pi / WINDOW!r}> ()
    angles = Mul (turns, radians)
    cosines = Cos (angles)
    sines = Sin (angles)
    both = Concat <axis = 0> (cosines, sines)
    hann = HannWindow <periodic = 1> (size)
    scale = Constant <value_float = {_SCALE!r}> ()
    window = Mul (hann, scale)
    windowed = Mul (both, window)
    kernels = Constant <value_ints = [{2 * BINS}, 1, {WINDOW}]> ()
    basis = Reshape (windowed, kernels)

    axis = Constant <value_ints = [1]> ()
    signal = Unsqueeze (waveform, axis)
    spectrum = Conv <strides = [{HOP}], pads = [{_PAD}, {_PAD}]> (signal, basis)
    squares = Mul (spectrum, spectrum)
    real, imaginary = Split <axis = 1, num_outputs = 2> (squares)
    power = Add (real, imaginary)
    mel = MatMul (filters, power)
    loudness = ReduceMean <keepdims = 1> (mel, axis)
    local = AveragePool <kernel_shape = [{CONTEXT_FRAMES}], strides = [1],
        pads = [{_HALF_CONTEXT}, {_HALF_CONTEXT}], count_include_pad = 0> (loudness)
    power_floor = Constant <value_float = {POWER_FLOOR!r}> ()
    reference = Add (local, power_floor)
    relative = Div (mel, reference)
    relative_floor = Constant <value_float = {RELATIVE_FLOOR!r}> ()
    floored = Add (relative, relative_floor)
    features = Log (floored)
"""

_STEM = f"""
    stem = Conv <strides = [{STRIDE}], pads = [{STEM_PADDING[0]}, {STEM_PADDING[1]}]>
        (features, weight_0, bias_0)
    hidden_0 = Relu (stem)
"""

_HEAD = f"""
    pairs = Conv (hidden_{len(DILATIONS)}, weight_{len(DILATIONS) + 1}, bias_{len(DILATIONS) + 1})
    in_order = Transpose <perm = [0, 2, 1]> (pairs)
    rows = Constant <value_ints = [0, -1]> ()
    padded_logits = Reshape (in_order, rows)
    shape = Shape <start = 2, end = 3> (features)
    start = Constant <value_ints = [0]> ()
    logits = Slice (padded_logits, start, shape, axis)
    probability = Sigmoid (logits)
    level = Squeeze (local, axis)
    audible = Greater (level, power_floor)
    gate = Cast <to = 1> (audible)
    speech = Mul (probability, gate)
"""


def _block(index: int, dilation: int) -> str:
    return f"""
    convolved_{index} = Conv <dilations = [{dilation}], pads = [{dilation}, {dilation}]>
        (hidden_{index - 1}, weight_{index}, bias_{index})
    rectified_{index} = Relu (convolved_{index})
    hidden_{index} = Add (hidden_{index - 1}, rectified_{index})
"""


def build_model(student: Student) -> onnx.ModelProto:
    """`student` with its front end: waveform float32 [1, n] -> speech float32 [1, n // 160].

    The probability is exactly zero where the second around a frame is digitally silent.
    """
    blocks = "".join(_block(index, dilation) for index, dilation in enumerate(DILATIONS, start=1))
    model = parser.parse_model(
        '<ir_version: 10, opset_import: ["" : 18], producer_name: "veravox">\n'
        "speech_activity (float[1, n] waveform) => (float[1, frames] speech) {"
        f"{_FRONT_END}{_STEM}{blocks}{_HEAD}}}"
    )
    arrays = {"filters": mel_filters()}
    for index, (weight, bias) in enumerate(student.folded()):
        arrays[f"weight_{index}"] = weight.numpy()
        arrays[f"bias_{index}"] = bias.numpy()
    model.graph.initializer.extend(
        numpy_helper.from_array(array, name) for name, array in arrays.items()
    )
    onnx.checker.check_model(model, full_check=True)
    return model
