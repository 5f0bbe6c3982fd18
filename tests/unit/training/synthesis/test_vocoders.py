from pathlib import Path

import numpy as np
import pytest
import torch

from tests.audio_factory import speech
from training.corpora import Corpus
from training.manifest import Clip
from training.synthesis.vocoder_training import Schedule, fit, reconstruction_loss
from training.synthesis.vocoders import GENERATORS, Vocoder, load, log_mel, save
from veravox.audio.canonical import Samples

VOICE = np.ravel(speech(1.3, 16_000))
CLIP = Clip("train", "bonafide", "a/b", "1" * 40, "a.wav", "", "", "en", "anna", 2024)
SHORT = Schedule(steps=8, batch=1, frames=16, rate=2e-3)


def rms(samples: Samples) -> float:
    return float(np.sqrt(np.mean(np.square(samples))))


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    samples = np.round(VOICE * 32_000).astype(np.int16)
    np.save(tmp_path / "a+b.npy", samples)
    return Corpus(tmp_path, {(CLIP.repo, CLIP.sha): (0, samples.size)})


@pytest.mark.parametrize("name", GENERATORS)
def test_a_generator_gives_as_many_samples_as_it_was_given(name: str):
    real = torch.from_numpy(VOICE[: 256 * 40])[None]

    assert GENERATORS[name]()(log_mel(real)).shape == real.shape


@pytest.mark.parametrize("name", GENERATORS)
def test_fitting_brings_speech_closer_to_its_original(name: str, corpus: Corpus):
    real = torch.from_numpy(VOICE[: 256 * 40])[None]
    torch.manual_seed(0)
    untrained = GENERATORS[name]()

    fitted = fit(name, [CLIP], corpus, SHORT)

    with torch.inference_mode():
        after, before = (
            reconstruction_loss(generator(log_mel(real)), real) for generator in (fitted, untrained)
        )
    assert after < before


@pytest.mark.parametrize("name", GENERATORS)
def test_weights_come_back_as_they_were_kept(name: str, tmp_path: Path):
    generator = GENERATORS[name]()
    save(generator, tmp_path / "weights.npz")

    loaded = load(name, tmp_path / "weights.npz")

    first, second = (Vocoder(each)(VOICE, np.random.default_rng()) for each in (generator, loaded))
    assert first.shape == VOICE.shape
    assert rms(first) == pytest.approx(rms(VOICE), rel=0.01)
    assert np.array_equal(first, second)


def test_weights_of_another_generator_are_refused(tmp_path: Path):
    save(GENERATORS["istft"](), tmp_path / "weights.npz")

    with pytest.raises(RuntimeError, match="state_dict"):
        load("upsampling", tmp_path / "weights.npz")
