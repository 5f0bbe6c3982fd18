from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from tests.unit.training.small_encoder import DEPTH, HEADS, WIDTH, tensors
from training.export import Heads, Logits, export
from training.heads import Head, HeadOptions
from training.quantised import QuantisedEncoder, write_encoder
from training.whisper import Encoder

# Deprecations inside torch's own exporter, which only a newer torch can cure.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")

OPTIONS = HeadOptions(layers=(1,), statistics=(0, 1), hidden=4)
TIME = np.arange(80_000) / 16_000
WINDOWS = [
    wave.astype(np.float32)
    for wave in (
        0.05 * np.sin(2 * np.pi * 300 * TIME),
        0.05 * np.sin(2 * np.pi * 3_000 * TIME) * np.sin(2 * np.pi * 3 * TIME),
        0.05 * np.random.default_rng(2).standard_normal(80_000),
    )
]

Exported = tuple[QuantisedEncoder, Heads, Path, float]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    folder = tmp_path_factory.mktemp("model")
    write_encoder(Encoder(tensors(), HEADS, DEPTH), WINDOWS, folder / "encoder.onnx")
    encoder = QuantisedEncoder(folder / "encoder.onnx")
    torch.manual_seed(1)
    statistics = torch.zeros(1, 2, WIDTH), torch.full((1, 2, WIDTH), 0.3)
    heads = Heads([Head(*statistics, OPTIONS).eval() for _ in range(2)], OPTIONS)
    path = folder / "model.onnx"
    return encoder, heads, path, export(encoder, heads, WINDOWS, path)


def test_the_exported_model_gives_the_heads_logits_of_the_encoders_features(exported: Exported):
    encoder, heads, path, worst = exported

    with torch.inference_mode():
        features = np.stack([encoder.features(window) for window in WINDOWS])
        expected = heads(torch.from_numpy(features)).numpy()

    assert worst < 1e-3
    assert np.allclose(Logits(path)(WINDOWS), expected, atol=1e-3)
    assert np.ptp(expected) > 1e-3


def test_a_logit_does_not_depend_on_its_batch(exported: Exported):
    logits, batch = Logits(exported[2]), np.stack(WINDOWS)

    assert np.allclose(logits.batch(batch), logits(WINDOWS), atol=1e-5)
    assert np.allclose(logits.batch(batch[::-1].copy())[::-1], logits.batch(batch), atol=1e-5)


def test_the_file_says_nothing_about_the_machine_that_made_it(exported: Exported):
    model = onnx.load(exported[2])

    assert not model.metadata_props
    assert not any(node.metadata_props or node.doc_string for node in model.graph.node)
    assert b"site-packages" not in exported[2].read_bytes()


def test_weights_of_another_shape_are_refused_by_name():
    wrong = tensors() | {"encoder/conv2/bias": np.zeros(WIDTH + 1, np.float32)}

    with pytest.raises(ValueError, match="conv2/bias"):
        Encoder(wrong, HEADS, DEPTH)
