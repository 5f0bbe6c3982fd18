"""Held-out measurements of a speech-activity graph, through ONNX Runtime as in serving."""

from dataclasses import dataclass
from itertools import cycle

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from training.speech_activity.augment import Labelled
from veravox.audio.canonical import SAMPLE_RATE, Samples

SPEECH_PROBABILITY = 0.5
SNRS_DB = (20, 10, 0)
LEVELS_DBFS = (-60, -40, -20, 0)
NOISE_SECONDS = 60


class Graph:
    """A serialised speech-activity graph on one core."""

    def __init__(self, model: bytes) -> None:
        """`model` is the content of the ONNX file."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(model, options)

    def speech(self, samples: Samples) -> NDArray[np.bool_]:
        """Frames of `samples` judged to be speech, shape (n // 160,)."""
        probabilities = self._session.run(["speech"], {"waveform": samples[None]})[0][0]
        return probabilities >= SPEECH_PROBABILITY


@dataclass(frozen=True)
class HeldOut:
    """Clips that took no part in the training."""

    speech: list[Labelled]
    noise: list[Samples]
    music: list[Samples]


def _agreement(graph: Graph, clips: list[tuple[Samples, NDArray[np.float32]]]) -> dict[str, float]:
    """Frame-level agreement with the teacher, and its two kinds of disagreement."""
    student = np.concatenate([graph.speech(samples) for samples, _ in clips])
    teacher = np.concatenate([target for _, target in clips]) >= SPEECH_PROBABILITY
    return {
        "agreement": float(np.mean(student == teacher)),
        "missed": float(np.mean(~student[teacher])),
        "added": float(np.mean(student[~teacher])),
    }


def _active_fraction(graph: Graph, clips: list[Samples]) -> float:
    return float(np.mean(np.concatenate([graph.speech(clip) for clip in clips])))


def _at_peak(samples: Samples, dbfs: float) -> Samples:
    peak = max(float(np.abs(samples).max()), 1e-9)
    return (samples * (10.0 ** (dbfs / 20.0) / peak)).astype(np.float32)


def _mixed(clip: Labelled, noise: Samples, snr_db: float) -> tuple[Samples, NDArray[np.float32]]:
    background = np.resize(noise, clip.samples.size)
    scale = np.std(clip.samples) / max(float(np.std(background)), 1e-9)
    mixture = clip.samples + background * scale * 10.0 ** (-snr_db / 20.0)
    return _at_peak(mixture, -3.0), clip.speech


def measure(graph: Graph, held_out: HeldOut, seed: int) -> dict[str, dict[str, float]]:
    """Agreement with the teacher by condition, and the fraction of non-speech called speech."""
    generator = np.random.default_rng(seed)
    pairs = [(clip.samples, clip.speech) for clip in held_out.speech]
    metrics = {"clean": _agreement(graph, pairs)}
    for snr in SNRS_DB:
        mixtures = [
            _mixed(clip, noise, snr)
            for clip, noise in zip(held_out.speech, cycle(held_out.noise), strict=False)
        ]
        metrics[f"noise_{snr}_db"] = _agreement(graph, mixtures)
    for dbfs in LEVELS_DBFS:
        levelled = [(_at_peak(samples, dbfs), target) for samples, target in pairs]
        metrics[f"peak_{dbfs}_dbfs"] = _agreement(graph, levelled)
    white = generator.standard_normal(NOISE_SECONDS * SAMPLE_RATE).astype(np.float32)
    metrics["false_alarms"] = {
        "noise": _active_fraction(graph, held_out.noise),
        "music": _active_fraction(graph, held_out.music),
        "digital_silence": _active_fraction(graph, [np.zeros_like(white)]),
        **{
            f"white_noise_{dbfs}_dbfs": _active_fraction(graph, [_at_peak(white, dbfs)])
            for dbfs in LEVELS_DBFS
        },
    }
    return metrics
