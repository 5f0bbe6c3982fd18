from pathlib import Path

import numpy as np
import pytest
import soxr

from tests.audio_factory import speech
from tests.speaker_factory import make_cohort, make_weights, write_encoder
from veravox.errors import InvalidModel
from veravox.speaker.embedding import cosine
from veravox.speaker.encoder import SpeakerEncoder


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> SpeakerEncoder:
    return SpeakerEncoder(write_encoder(tmp_path_factory.mktemp("encoders")))


def test_a_voice_is_nearer_to_itself_than_to_a_deeper_one(encoder: SpeakerEncoder) -> None:
    samples = speech(20.0)[0]
    enrolled, _ = encoder.embed(samples[:160_000])
    same, _ = encoder.embed(samples[160_000:240_000])
    deeper, _ = encoder.embed(soxr.resample(samples[160_000:240_000], 1.0, 1.4))
    assert cosine(enrolled, same) > cosine(enrolled, deeper) + 0.1


def test_long_speech_is_embedded_in_parts_of_1600_ms(encoder: SpeakerEncoder) -> None:
    whole, parts = encoder.embed(speech(14.0)[0])
    assert parts.shape == (9, 256)
    assert np.linalg.norm(whole) == pytest.approx(1.0, abs=1e-5)


def test_the_level_does_not_matter(encoder: SpeakerEncoder) -> None:
    samples = speech(5.0)[0]
    loud, _ = encoder.embed(samples)
    quiet, _ = encoder.embed(0.01 * samples)
    assert cosine(loud, quiet) == pytest.approx(1.0, abs=1e-4)


def test_a_word_is_enough_for_an_embedding(encoder: SpeakerEncoder) -> None:
    embedding, parts = encoder.embed(speech(5.0)[0][:1_600])
    assert parts.shape == (1, 256)
    assert np.isfinite(embedding).all()


@pytest.mark.parametrize("name", ["model.onnx", "cohort.npy"])
def test_an_altered_file_is_refused_by_name(tmp_path: Path, name: str) -> None:
    folder = write_encoder(tmp_path)
    (folder / name).write_bytes((folder / name).read_bytes() + b" ")
    with pytest.raises(InvalidModel, match=f"{name}: its SHA-256"):
        SpeakerEncoder(folder)


@pytest.mark.parametrize("name", ["model.onnx", "cohort.npy", "card.json"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    folder = write_encoder(tmp_path)
    (folder / name).unlink()
    with pytest.raises(InvalidModel, match=name):
        SpeakerEncoder(folder)


@pytest.mark.parametrize(
    "weights", [b"no model", make_weights(dimensions=128), make_weights(output_name="vector")]
)
def test_a_model_of_another_shape_is_refused(tmp_path: Path, weights: bytes) -> None:
    with pytest.raises(InvalidModel, match=r"model\.onnx"):
        SpeakerEncoder(write_encoder(tmp_path, weights))


def test_a_pickled_cohort_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidModel, match=r"cohort\.npy"):
        SpeakerEncoder(write_encoder(tmp_path, cohort=make_cohort()[:40]))
