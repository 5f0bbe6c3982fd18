"""What must not, or should hardly, change the error: silence, gain, resampling, codecs, rooms."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import soxr
from scipy.signal import butter, fftconvolve, sosfilt

from training.augment import decode, encode
from training.gates.scoring import score
from veravox.audio.canonical import SAMPLE_RATE, Samples, canonicalise
from veravox.detection.detector import Detector
from veravox.evaluation.metrics import eer

HARMLESS_POINTS = 0.03
CHANNEL_POINTS = 0.05
PAD_SECONDS = 0.5
FRAME = 160
TRIM_DB = 40.0
QUIET_PEAK = 0.1
DC = 0.05
SHIFT = 37
DETOUR_RATE = 44_100
NOISE_DB = 20.0
DECAY_SECONDS = 0.4
REVERBERATION_DB = -6.0
SEED = 7

Change = Callable[[Samples], Samples]


@dataclass(frozen=True, slots=True)
class Intervention:
    """A change; `limit` on the move of the EER, which `required` ones must keep."""

    name: str
    change: Change
    limit: float
    required: bool


def silence_added(samples: Samples) -> Samples:
    """Half a second of near-silence before and after."""
    generator = np.random.default_rng(SEED)
    pad = 1e-4 * np.std(samples) * generator.standard_normal((2, round(PAD_SECONDS * SAMPLE_RATE)))
    return np.concatenate((pad[0], samples, pad[1])).astype(np.float32)


def silence_trimmed(samples: Samples) -> Samples:
    """Without the frames at either end that are 40 dB below the loudest."""
    frames = samples[: samples.size // FRAME * FRAME].reshape(-1, FRAME)
    power = np.square(frames, dtype=np.float64).mean(axis=1)
    loud = np.flatnonzero(power > power.max() * 10 ** (-TRIM_DB / 10))
    return samples[loud[0] * FRAME : (loud[-1] + 1) * FRAME]


def gain(decibels: float) -> Change:
    """So much louder than a peak of -20 dB, kept in 16 bits."""

    def change(samples: Samples) -> Samples:
        peak = QUIET_PEAK * 10 ** (decibels / 20)
        return _sixteen_bits(samples * (peak / np.abs(samples).max()))

    return change


def offset(samples: Samples) -> Samples:
    """A constant added."""
    return samples + np.float32(DC * np.abs(samples).max())


def polarity(samples: Samples) -> Samples:
    """Upside down."""
    return -samples


def shift(samples: Samples) -> Samples:
    """37 samples later."""
    return samples[SHIFT:]


def detour(samples: Samples) -> Samples:
    """To 44.1 kHz and 16 bits, and back."""
    there = soxr.resample(samples / np.abs(samples).max() * 0.9, SAMPLE_RATE, DETOUR_RATE, "HQ")
    return canonicalise(_sixteen_bits(there), DETOUR_RATE)


def coded(container: str, name: str, sniffed: str, rate: int, bit_rate: int) -> Change:
    """Through a codec."""

    def change(samples: Samples) -> Samples:
        loud = samples * (0.9 / np.abs(samples).max())
        return decode(encode(loud, container, name, rate, bit_rate), sniffed)

    return change


def low_pass(samples: Samples) -> Samples:
    """Nothing above 3.4 kHz."""
    sections = butter(8, 3_400.0, "lowpass", fs=SAMPLE_RATE, output="sos")
    return sosfilt(sections, samples).astype(np.float32)


def noise(decibels: float) -> Change:
    """White noise so many dB below."""

    def change(samples: Samples) -> Samples:
        added = np.random.default_rng(SEED).standard_normal(samples.size)
        return (samples + np.std(samples) * 10 ** (-decibels / 20) * added).astype(np.float32)

    return change


def room(seconds: float, decibels: float) -> Change:
    """A room that decays by 60 dB in so many seconds, at so many dB of the direct sound."""

    def change(samples: Samples) -> Samples:
        time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
        tail = np.random.default_rng(SEED).standard_normal(time.size)
        tail *= np.exp(-6.9 * time / seconds)
        tail *= 10 ** (decibels / 20) / np.sqrt(np.square(tail).sum())
        tail[0] += 1.0
        return fftconvolve(samples, tail)[: samples.size].astype(np.float32)

    return change


CODECS = (
    Intervention(
        "MP3 64 kbit/s", coded("mp3", "mp3", "mp3", 16_000, 64_000), CHANNEL_POINTS, False
    ),
    Intervention(
        "Opus 24 kbit/s", coded("ogg", "libopus", "ogg", 48_000, 24_000), CHANNEL_POINTS, False
    ),
    Intervention("G.711", coded("wav", "pcm_mulaw", "wav", 8_000, 64_000), CHANNEL_POINTS, False),
)
INTERVENTIONS = (
    Intervention("silence added", silence_added, HARMLESS_POINTS, True),
    Intervention("silence trimmed", silence_trimmed, HARMLESS_POINTS, True),
    Intervention("10 dB louder", gain(10.0), HARMLESS_POINTS, True),
    Intervention("10 dB softer", gain(-10.0), HARMLESS_POINTS, True),
    Intervention("constant offset", offset, HARMLESS_POINTS, True),
    Intervention("polarity", polarity, HARMLESS_POINTS, True),
    Intervention("37 samples later", shift, HARMLESS_POINTS, True),
    Intervention("44.1 kHz and back", detour, HARMLESS_POINTS, True),
    *CODECS,
    Intervention("3.4 kHz low-pass", low_pass, CHANNEL_POINTS, False),
    Intervention("noise at 20 dB", noise(NOISE_DB), CHANNEL_POINTS, False),
    Intervention("reverberation", room(DECAY_SECONDS, REVERBERATION_DB), CHANNEL_POINTS, False),
)


def _sixteen_bits(samples: Samples) -> Samples:
    return (np.round(samples * 32_767) / 32_767).astype(np.float32)


def measure(
    detector: Detector, recordings: Sequence[Samples], spoof: np.ndarray, workers: int
) -> dict[str, dict[str, float]]:
    """For each change, and each codec on one class only: the EER, how far it moved, the limit."""
    plain = score(detector, [canonicalise(r, SAMPLE_RATE) for r in recordings], workers)
    base = eer(plain, spoof)
    rows = {"unchanged": {"eer": base}}

    def row(llrs: np.ndarray, limit: float, required: bool) -> dict[str, float]:
        error = eer(llrs, spoof)
        moved = error - base
        kept = float(abs(moved) <= limit)
        return {
            "eer": error,
            "moved": moved,
            "limit": limit,
            "required": float(required),
            "kept": kept,
        }

    for intervention in INTERVENTIONS:
        changed = [canonicalise(intervention.change(r), SAMPLE_RATE) for r in recordings]
        llrs = score(detector, changed, workers)
        rows[intervention.name] = row(llrs, intervention.limit, intervention.required)
        if intervention in CODECS:
            for name, label in (("bona fide", False), ("spoof", True)):
                mixed = np.where(spoof == label, llrs, plain)
                rows[f"{intervention.name}, {name} only"] = row(mixed, CHANNEL_POINTS, True)
    return {name: {k: round(v, 4) for k, v in values.items()} for name, values in rows.items()}
