from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from tests.unit.training.small_encoder import DEPTH, HEADS, WIDTH, tensors
from training.export import Detector, Logits, export
from training.heads import Head, HeadOptions
from training.whisper import Encoder

# Deprecations inside torch's own exporter, which only a newer torch can cure.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")

OPTIONS = HeadOptions(layers=(1,), statistics=(0, 1), hidden=4)
TIME = np.arange(80_000) / 16_000
WINDOWS = np.stack(
    [
        0.05 * np.sin(2 * np.pi * 300 * TIME),
        0.05 * np.sin(2 * np.pi * 3_000 * TIME) * np.sin(2 * np.pi * 3 * TIME),
        0.05 * np.random.default_rng(2).standard_normal(80_000),
    ]
).astype(np.float32)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Detector, Path, float]:
    torch.manual_seed(1)
    statistics = torch.zeros(1, 2, WIDTH), torch.full((1, 2, WIDTH), 0.3)
    heads = [Head(*statistics, OPTIONS).eval() for _ in range(2)]
    detector = Detector(Encoder(tensors(), HEADS, DEPTH), heads, OPTIONS)
    path = tmp_path_factory.mktemp("model") / "model.onnx"
    return detector, path, export(detector, WINDOWS, path)


def test_the_exported_model_gives_the_same_logits(exported: tuple[Detector, Path, float]):
    detector, path, worst = exported

    with torch.inference_mode():
        expected = detector(torch.from_numpy(WINDOWS)).numpy()

    assert worst < 1e-3
    assert np.allclose(Logits(path)(list(WINDOWS)), expected, atol=1e-3)
    assert np.ptp(expected) > 1e-3


def test_a_logit_does_not_depend_on_its_batch(exported: tuple[Detector, Path, float]):
    logits = Logits(exported[1])

    assert np.allclose(logits.batch(WINDOWS), logits(list(WINDOWS)), atol=1e-5)
    assert np.allclose(logits.batch(WINDOWS[::-1].copy())[::-1], logits.batch(WINDOWS), atol=1e-5)


def test_the_file_says_nothing_about_the_machine_that_made_it(
    exported: tuple[Detector, Path, float],
):
    model = onnx.load(exported[1])

    assert not model.metadata_props
    assert not any(node.metadata_props or node.doc_string for node in model.graph.node)
    assert b"site-packages" not in exported[1].read_bytes()


def test_weights_of_another_shape_are_refused_by_name():
    wrong = tensors() | {"encoder/conv2/bias": np.zeros(WIDTH + 1, np.float32)}

    with pytest.raises(ValueError, match="conv2/bias"):
        Encoder(wrong, HEADS, DEPTH)
