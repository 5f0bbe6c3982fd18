from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from tests.unit.training.small_encoder import DEPTH, HEADS, WIDTH, tensors
from training.export import Detector, Logits, export
from training.heads import Head, HeadOptions
from training.tune import TunedNetwork, TuneOptions
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
    encoder = Encoder(tensors(), HEADS, DEPTH)
    tuned = TunedNetwork(encoder, TuneOptions(hidden=4)).eval()
    detector = Detector(encoder, heads, OPTIONS, tuned=tuned)
    path = tmp_path_factory.mktemp("model") / "model.onnx"
    return detector, path, export(detector, WINDOWS, path)


def test_the_exported_model_gives_the_same_logits_but_for_rounding(
    exported: tuple[Detector, Path, float],
):
    detector, path, worst = exported

    with torch.inference_mode():
        expected = detector(torch.from_numpy(WINDOWS)).numpy()

    found = Logits(path)(list(WINDOWS))
    assert np.abs(found - expected).max() == pytest.approx(worst, abs=1e-6)
    assert worst < 0.1 * np.ptp(expected)
    assert found.mean() == pytest.approx(expected.mean(), abs=1e-4)


def test_both_views_weigh_the_same(exported: tuple[Detector, Path, float]):
    detector = exported[0]
    one = Detector(detector.encoder, list(detector.heads), OPTIONS).eval()
    waveforms = torch.from_numpy(WINDOWS)

    with torch.inference_mode():
        both, frozen, tuned = detector(waveforms), one(waveforms), detector.tuned(waveforms)

    assert torch.allclose(both, (frozen + tuned) / 2, atol=1e-4)


def test_integer_weights_leave_room_for_processors_that_add_pairs_in_16_bits(
    exported: tuple[Detector, Path, float],
):
    weights = [
        onnx.numpy_helper.to_array(tensor)
        for tensor in onnx.load(exported[1]).graph.initializer
        if tensor.data_type == onnx.TensorProto.INT8
    ]

    assert len(weights) == 2 * 3 * DEPTH
    assert max(int(np.abs(w.astype(np.int16)).max()) for w in weights) == 63


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
