from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from tests.audio_factory import speech
from tests.unit.training.small_encoder import DEPTH, HEADS, WIDTH, tensors
from training.quantised import PooledEncoder, QuantisedEncoder, write_encoder
from training.whisper import LAGS, Encoder
from veravox.audio.canonical import Samples, level

# Deprecations inside torch's own exporter, which only a newer torch can cure.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")

VOICE = level(np.ravel(speech(9.0, 16_000)).astype(np.float32))
WINDOWS: list[Samples] = [VOICE[first : first + 80_000] for first in range(0, 60_000, 10_000)]


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder(tensors(), HEADS, DEPTH).eval()


@pytest.fixture(scope="module")
def path(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("encoder") / "small.onnx"
    write_encoder(encoder, WINDOWS[:4], path)
    return path


def test_features_are_those_of_the_float_encoder_but_for_rounding(encoder: Encoder, path: Path):
    found = QuantisedEncoder(path).encode(WINDOWS)

    with torch.inference_mode():
        expected = PooledEncoder(encoder)(torch.from_numpy(np.stack(WINDOWS))).numpy()
    assert found.shape == (len(WINDOWS), DEPTH + 1, 2 + len(LAGS), WIDTH)
    assert np.allclose(found[:, 0], expected[:, 0], atol=2e-3)
    error = np.abs(found[:, 1] - expected[:, 1]).mean() / np.abs(expected[:, 1]).mean()
    assert 0 < error < 0.05


def test_features_do_not_depend_on_how_many_windows_are_encoded_at_once(path: Path):
    alone = QuantisedEncoder(path).encode(WINDOWS)
    together = QuantisedEncoder(path, threads=3).encode(WINDOWS)

    assert np.array_equal(alone, together)


def test_integer_weights_leave_room_for_processors_that_add_pairs_in_16_bits(path: Path):
    weights = [
        onnx.numpy_helper.to_array(tensor)
        for tensor in onnx.load(path).graph.initializer
        if tensor.data_type == onnx.TensorProto.INT8
    ]

    assert len(weights) == 3 * DEPTH
    assert max(int(np.abs(w.astype(np.int16)).max()) for w in weights) == 63


def test_another_encoder_has_another_name(encoder: Encoder, path: Path, tmp_path: Path):
    write_encoder(encoder, WINDOWS[4:], tmp_path / "small.onnx")

    assert QuantisedEncoder(path).name != QuantisedEncoder(tmp_path / "small.onnx").name
    assert QuantisedEncoder(path).name == QuantisedEncoder(path).name
