import hashlib
import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from tests.model_factory import hiss, hum, make_weights, write_model
from veravox.detection.detector import OnnxDetector, fit_window
from veravox.errors import InvalidModel


@pytest.fixture
def detector(tmp_path: Path) -> OnnxDetector:
    return OnnxDetector(write_model(tmp_path))


def test_a_score_is_the_calibrated_logit_of_the_levelled_window(detector: OnnxDetector) -> None:
    window = hiss(5.0).astype(np.float64)
    levelled = window * 0.05 / math.sqrt(np.mean(window**2))
    logit = math.sqrt(np.sum(np.diff(levelled) ** 2))
    assert detector.score(hiss(5.0)) == pytest.approx(0.5 * logit - 5.0, abs=1e-4)


def test_positive_means_spoof(detector: OnnxDetector) -> None:
    assert detector.score(hum(5.0)) < 0 < detector.score(hiss(5.0))


def test_a_score_does_not_depend_on_gain(detector: OnnxDetector) -> None:
    loud, quiet = detector.score(hiss(5.0, level=0.5)), detector.score(hiss(5.0, level=0.005))
    assert loud == pytest.approx(quiet, abs=1e-4)


def test_a_short_window_scores_as_its_repetition(detector: OnnxDetector) -> None:
    second = hiss(1.0)
    assert detector.score(second) == pytest.approx(detector.score(np.tile(second, 5)), abs=1e-4)


def test_scores_do_not_depend_on_what_is_scored_at_the_same_time(detector: OnnxDetector) -> None:
    sounds = [hiss(1.0 + i / 4, seed=i) for i in range(16)]
    alone = [detector.score(sound) for sound in sounds]
    with ThreadPoolExecutor(4) as executor:
        together = list(executor.map(detector.score, reversed(sounds)))
    assert together[::-1] == alone


def test_digital_silence_has_a_finite_score(detector: OnnxDetector) -> None:
    assert math.isfinite(detector.score(np.zeros(80_000, np.float32)))


@pytest.mark.parametrize("n", [0, 80_001])
def test_a_window_of_no_or_too_many_samples_is_refused(detector: OnnxDetector, n: int) -> None:
    with pytest.raises(ValueError, match="a window has 1 to 80000 samples"):
        detector.score(np.zeros(n, np.float32))


@pytest.mark.parametrize("n", [1, 16_000, 79_999, 80_000])
def test_a_fitted_window_has_five_seconds_at_the_canonical_level(n: int) -> None:
    fitted = fit_window(hiss(5.0)[:n])
    assert fitted.shape == (80_000,)
    assert fitted.dtype == np.float32
    assert math.sqrt(np.mean(fitted.astype(np.float64) ** 2)) == pytest.approx(0.05, rel=0.01)


def test_altered_weights_are_refused(tmp_path: Path) -> None:
    folder = write_model(tmp_path)
    weights = bytearray((folder / "model.onnx").read_bytes())
    weights[-1] ^= 1
    (folder / "model.onnx").write_bytes(weights)
    with pytest.raises(InvalidModel, match=r"noisiness-1/model\.onnx: its SHA-256"):
        OnnxDetector(folder)


def test_missing_weights_are_refused(tmp_path: Path) -> None:
    folder = write_model(tmp_path)
    (folder / "model.onnx").unlink()
    with pytest.raises(InvalidModel, match=r"noisiness-1/model\.onnx"):
        OnnxDetector(folder)


def test_weights_that_are_no_onnx_are_refused_even_with_the_right_hash(tmp_path: Path) -> None:
    folder = write_model(tmp_path, weights=b"not a model")
    with pytest.raises(InvalidModel, match=r"noisiness-1/model\.onnx: not a loadable"):
        OnnxDetector(folder)


@pytest.mark.parametrize("weights", [make_weights(input_name="audio"), make_weights(length=16_000)])
def test_weights_with_another_input_are_refused(tmp_path: Path, weights: bytes) -> None:
    folder = write_model(tmp_path, weights=weights, sha256=hashlib.sha256(weights).hexdigest())
    with pytest.raises(
        InvalidModel, match=r"noisiness-1/model\.onnx: its input must be 'waveform'"
    ):
        OnnxDetector(folder)
