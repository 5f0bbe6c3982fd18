"""Scores of single windows as serving computes them, and in other batches, orders and threads."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime as ort

from veravox.audio.canonical import Samples
from veravox.audio.windows import WINDOW_SAMPLES
from veravox.detection.card import WEIGHTS_FILE
from veravox.detection.detector import (
    INPUT_NAME,
    OUTPUT_NAME,
    Detector,
    OnnxDetector,
    fit_window,
)

LARGEST_DIFFERENCE = 1e-4
BATCHES = (1, 3, 16)
THREADS = (1, 2, 4)
SEED = 8
SPLIT = "a window on 4 threads, told only"


def score(detector: Detector, recordings: Sequence[Samples], workers: int) -> np.ndarray:
    """The LLR of the first 5 s of each recording, shape (n,)."""
    with ThreadPoolExecutor(workers) as pool:
        return np.array(list(pool.map(lambda r: detector.score(r[:WINDOW_SAMPLES]), recordings)))


def determinism(folder: Path, recordings: Sequence[Samples]) -> dict[str, float]:
    """The largest difference of an LLR when the same windows are scored in another way.

    Compared with one window after another, as serving does it: in another order, by several
    threads at once, and in batches. A window's share of the work is never split between threads
    in serving; the last row tells what that would change.
    """
    detector = OnnxDetector(folder)
    cut = [recording[:WINDOW_SAMPLES] for recording in recordings]
    windows = np.stack([fit_window(window) for window in cut])
    slope = detector.card.calibration.slope
    expected = np.array([detector.score(window) for window in cut])
    order = np.random.default_rng(SEED).permutation(len(windows))
    shuffled = [cut[index] for index in order]
    found = {f"{n} scoring threads": score(detector, shuffled, n) for n in THREADS}
    offset = expected[order] - slope * _logits(expected, detector)[order]
    alone = _Graph(folder / WEIGHTS_FILE, 1)
    for batch in BATCHES:
        found[f"batches of {batch}"] = slope * alone(windows[order], batch) + offset
    split = _Graph(folder / WEIGHTS_FILE, max(THREADS))
    found[SPLIT] = slope * split(windows[order], 1) + offset
    return {name: float(np.abs(llrs - expected[order]).max()) for name, llrs in found.items()}


class _Graph:
    """The raw logits of an ONNX file on a number of threads."""

    def __init__(self, path: Path, threads: int) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def __call__(self, windows: np.ndarray, batch: int) -> np.ndarray:
        parts = [
            self._session.run([OUTPUT_NAME], {INPUT_NAME: windows[first : first + batch]})[0]
            for first in range(0, len(windows), batch)
        ]
        return np.concatenate(parts)


def _logits(llrs: np.ndarray, detector: Detector) -> np.ndarray:
    calibration = detector.card.calibration
    return (llrs - calibration.intercept) / calibration.slope
