"""A Whisper encoder small enough for tests, with random weights."""

import numpy as np

WIDTH = 12
HEADS = 2
DEPTH = 1


def tensors() -> dict[str, np.ndarray]:
    """A Whisper encoder of one small random layer, named as CTranslate2 does."""
    generator = np.random.default_rng(4)
    linear = {
        "conv1": (WIDTH, 80, 3),
        "conv2": (WIDTH, WIDTH, 3),
        "layer_0/self_attention/linear_0": (3 * WIDTH, WIDTH),
        "layer_0/self_attention/linear_1": (WIDTH, WIDTH),
        "layer_0/ffn/linear_0": (4 * WIDTH, WIDTH),
        "layer_0/ffn/linear_1": (WIDTH, 4 * WIDTH),
    }
    shapes = {"position_encodings/encodings": (1_500, WIDTH)}
    for name, shape in linear.items():
        shapes |= {f"{name}/weight": shape, f"{name}/bias": shape[:1]}
    for name in ("self_attention/layer_norm", "ffn/layer_norm"):
        shapes |= {f"layer_0/{name}/{part}": (WIDTH,) for part in ("gamma", "beta")}
    return {
        f"encoder/{name}": generator.normal(0, 0.2, shape).astype(np.float32)
        for name, shape in shapes.items()
    }
