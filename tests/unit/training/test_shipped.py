from pathlib import Path

import numpy as np
import pytest
import torch

from tests.unit.training.small_encoder import DEPTH, HEADS, WIDTH, tensors
from training.export import Detector, export
from training.heads import Head, HeadOptions
from training.shipped import read_tuned_view
from training.tune import TunedNetwork, TuneOptions
from training.whisper import Encoder

# Deprecations inside torch's own exporter, which only a newer torch can cure.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")

OPTIONS = HeadOptions(layers=(1,), statistics=(0, 1), hidden=4)
TUNING = TuneOptions(hidden=4)
WINDOWS = (0.05 * np.random.default_rng(2).standard_normal((4, 80_000))).astype(np.float32)


def detector(tuned: TunedNetwork | None) -> Detector:
    statistics = torch.zeros(1, 2, WIDTH), torch.full((1, 2, WIDTH), 0.3)
    encoder = Encoder(tensors(), HEADS, DEPTH)
    return Detector(encoder, [Head(*statistics, OPTIONS).eval()], OPTIONS, tuned=tuned)


def test_the_fine_tuned_view_comes_back_from_the_graph_that_ships(tmp_path: Path):
    torch.manual_seed(3)
    shipped = TunedNetwork(Encoder(tensors(), HEADS, DEPTH), TUNING).eval()
    learnt = {name: values for name, values in shipped.named_parameters() if values.requires_grad}
    learnt |= {f"norm.{name}": values for name, values in shipped.norm.named_buffers()}
    del learnt["norm.num_batches_tracked"]
    for values in learnt.values():
        values.data += 0.1 * torch.rand_like(values)
    export(detector(shipped), WINDOWS, tmp_path / "model.onnx")

    read = read_tuned_view(tmp_path / "model.onnx")

    assert set(learnt) <= set(read)
    for name, values in learnt.items():
        assert torch.allclose(read[name], values, atol=0.02), name


def test_a_model_without_a_fine_tuned_view_is_refused(tmp_path: Path):
    export(detector(None), WINDOWS, tmp_path / "model.onnx")

    with pytest.raises(ValueError, match="no fine-tuned view"):
        read_tuned_view(tmp_path / "model.onnx")
