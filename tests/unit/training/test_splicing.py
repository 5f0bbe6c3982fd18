import numpy as np
import pytest

from tests.audio_factory import noise, speech
from training.splicing import FADE_SECONDS, insert

RATE = 16_000


@pytest.fixture
def host() -> np.ndarray:
    return speech(12.0)[0] * np.float32(0.5)


def rms(samples: np.ndarray) -> float:
    return float(np.sqrt(np.square(samples).mean()))


def test_only_the_inserted_stretch_changes(host: np.ndarray) -> None:
    inserted = speech(5.0)[0]
    made = insert(host, inserted, 6 * RATE)
    fade = round(FADE_SECONDS * RATE)
    assert made.size == host.size + inserted.size - 2 * fade
    assert np.array_equal(made[: 6 * RATE - fade], host[: 6 * RATE - fade])
    after = host[6 * RATE + fade :]
    assert np.array_equal(made[-after.size :], after)


@pytest.mark.parametrize("gain", [0.01, 1.0])
def test_the_stretch_comes_at_the_level_of_its_neighbourhood(host: np.ndarray, gain: float) -> None:
    made = insert(host, speech(5.0)[0] * np.float32(gain), 6 * RATE)
    stretch = made[6 * RATE : 10 * RATE]
    assert rms(stretch) == pytest.approx(rms(host), rel=0.5)


def test_no_jump_marks_the_splice(host: np.ndarray) -> None:
    made = insert(host, speech(5.0)[0] + noise(5.0)[0] * np.float32(0.01), 6 * RATE)
    edge = np.abs(np.diff(made[6 * RATE - 400 : 6 * RATE + 100])).max()
    assert edge <= 1.5 * np.abs(np.diff(host)).max()
