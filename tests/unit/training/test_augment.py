import numpy as np
import pytest

from tests.audio_factory import speech
from training.augment import CODECS, Augmentation, Effect, encode
from veravox.audio.canonical import Samples

VOICE = np.ravel(speech(5.0, 16_000)).astype(np.float32)
AUGMENTATION = Augmentation([VOICE[first:] for first in range(0, 48_000, 6_000)])


def names(effects: tuple[Effect, ...]) -> dict[str, Effect]:
    return {effect.__name__: effect for effect in effects}


@pytest.mark.parametrize("name", names(AUGMENTATION.effects))
def test_every_effect_changes_the_audio_and_keeps_it_usable(name: str):
    changed = names(AUGMENTATION.effects)[name](VOICE, np.random.default_rng(3))

    assert changed.dtype == np.float32
    assert np.isfinite(changed).all()
    assert 0.8 < changed.size / VOICE.size < 1.3
    assert changed.size != VOICE.size or not np.array_equal(changed, VOICE)


@pytest.mark.parametrize("settings", CODECS, ids=lambda settings: settings[1])
def test_every_codec_can_be_encoded_at_every_bit_rate(settings: tuple):
    container, codec, _, rate, bit_rates = settings

    sizes = [len(encode(VOICE, container, codec, rate, bit_rate)) for bit_rate in bit_rates]

    assert sizes == sorted(sizes)
    assert sizes[0] > 1_000


def test_the_same_seed_gives_the_same_audio():
    first, second = (AUGMENTATION(VOICE, np.random.default_rng(11)) for _ in range(2))

    assert np.array_equal(first, second)


def test_about_a_quarter_of_the_windows_stay_as_they_are():
    second = VOICE[:16_000]
    changed = (AUGMENTATION(second, np.random.default_rng(seed)) for seed in range(100))

    assert 12 <= sum(np.array_equal(audio, second) for audio in changed) <= 40


def test_an_effect_that_gives_unusable_audio_is_an_error():
    class Broken(Augmentation):
        def __init__(self) -> None:
            self.effects = (lambda samples, _: samples * np.nan,) * 2

    def augment_often() -> list[Samples]:
        return [Broken()(VOICE, np.random.default_rng(seed)) for seed in range(10)]

    with pytest.raises(ValueError, match="unusable"):
        augment_often()
