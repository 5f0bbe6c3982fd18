import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from training.published.aasist import SHAPES, Aasist, band_pass_filters, load, spoof_score
from veravox.errors import InvalidModel


@pytest.mark.parametrize("name", SHAPES)
def test_a_checkpoint_of_the_network_is_read_and_scores_the_same(name: str, tmp_path: Path) -> None:
    network = Aasist(SHAPES[name]).eval()
    torch.save(network.state_dict(), tmp_path / "weights.pth")
    sound = np.random.default_rng(1).standard_normal(20_000).astype(np.float32) * 0.1
    assert spoof_score(load(tmp_path / "weights.pth", name), sound) == spoof_score(network, sound)


def test_a_checkpoint_of_another_network_is_refused(tmp_path: Path) -> None:
    torch.save(Aasist(SHAPES["AASIST-L"]).state_dict(), tmp_path / "weights.pth")
    with pytest.raises(InvalidModel, match=r"weights\.pth: not a checkpoint of AASIST$"):
        load(tmp_path / "weights.pth", "AASIST")


def test_code_in_a_checkpoint_is_not_run(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str, ...]]:
            return Path.touch, (tmp_path / "sprung",)

    (tmp_path / "weights.pth").write_bytes(pickle.dumps({"pos_S": Trap()}, protocol=2))
    with pytest.raises(InvalidModel):
        load(tmp_path / "weights.pth", "AASIST")
    assert not (tmp_path / "sprung").exists()


def test_filters_pass_their_own_band() -> None:
    response = np.abs(np.fft.rfft(band_pass_filters()[35, 0].numpy(), 1024))
    peak = np.argmax(response) * 16_000 / 1024
    assert 1_500 < peak < 3_000
