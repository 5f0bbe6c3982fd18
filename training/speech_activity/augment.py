"""Random scenes for training: speech with gaps, noise and music, telephone bands, any gain."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from training.speech_activity.frontend import HOP
from veravox.audio.canonical import SAMPLE_RATE, Samples

SCENE_SAMPLES = 5 * SAMPLE_RATE
SCENE_FRAMES = SCENE_SAMPLES // HOP
SNR_DB = (-5.0, 30.0)
PEAK_DBFS = (-60.0, 0.0)
SPEED = (0.6, 1.6)
SPEECH_SCENES = 0.65
DTMF_ROWS = (697.0, 770.0, 852.0, 941.0)
DTMF_COLUMNS = (1209.0, 1336.0, 1477.0, 1633.0)

Generator = np.random.Generator


@dataclass(frozen=True)
class Labelled:
    """Clean canonical speech and the teacher's probability per 10-ms frame."""

    samples: Samples
    speech: NDArray[np.float32]


def _time() -> NDArray[np.float64]:
    return np.arange(SCENE_SAMPLES) / SAMPLE_RATE


def _tone(frequency: float, generator: Generator) -> NDArray[np.float64]:
    return np.sin(2.0 * np.pi * (frequency * _time() + generator.random()))


def _bursts(generator: Generator) -> NDArray[np.float64]:
    """An on-off envelope, 50 ms to 1 s per state."""
    lengths = generator.uniform(0.05, 1.0, 120)
    edges = (np.cumsum(lengths) * SAMPLE_RATE).astype(int)
    return (np.searchsorted(edges, np.arange(SCENE_SAMPLES), side="right") % 2).astype(float)


def coloured_noise(generator: Generator) -> NDArray[np.float64]:
    """Noise with a power spectrum of f^-slope, slope 0 (white) to 2 (brown)."""
    spectrum = np.fft.rfft(generator.standard_normal(SCENE_SAMPLES))
    spectrum[1:] *= np.arange(1, spectrum.size) ** (-generator.uniform(0.0, 2.0) / 2.0)
    noise = np.fft.irfft(spectrum, SCENE_SAMPLES)
    return noise * _bursts(generator) if generator.random() < 0.25 else noise


def hum(generator: Generator) -> NDArray[np.float64]:
    """Mains hum: 50 or 60 Hz with harmonics."""
    mains = generator.choice([50.0, 60.0])
    harmonics = range(1, int(generator.integers(2, 12)))
    return np.sum([_tone(mains * k, generator) * generator.random() / k for k in harmonics], axis=0)


def signalling(generator: Generator) -> NDArray[np.float64]:
    """A steady tone, a keyed ring-back tone or DTMF digits."""
    style = generator.integers(3)
    if style == 0:
        return _tone(generator.uniform(100.0, 7000.0), generator)
    keying = _bursts(generator)
    if style == 1:
        return keying * _tone(425.0, generator)
    row, column = generator.choice(DTMF_ROWS), generator.choice(DTMF_COLUMNS)
    return keying * (_tone(row, generator) + _tone(column, generator))


def sweep(generator: Generator) -> NDArray[np.float64]:
    """A siren: a tone whose frequency swings, with a few harmonics."""
    centre, rate = generator.uniform(400.0, 1500.0), generator.uniform(0.2, 4.0)
    frequency = centre * (1.0 + 0.4 * np.sin(2.0 * np.pi * rate * _time()))
    phase = 2.0 * np.pi * np.cumsum(frequency) / SAMPLE_RATE
    return np.sin(phase) + 0.4 * np.sin(2.0 * phase) + 0.2 * np.sin(3.0 * phase)


def melody(generator: Generator) -> NDArray[np.float64]:
    """Struck chords of harmonic notes."""
    note_samples = int(generator.uniform(0.1, 0.8) * SAMPLE_RATE)
    time = np.arange(note_samples) / SAMPLE_RATE
    decay = np.exp(-time * generator.uniform(0.5, 10.0)) * np.minimum(time / 0.01, 1.0)
    harmonics = np.arange(1, int(generator.integers(3, 12)))
    roll_off = harmonics ** -generator.uniform(0.5, 2.0)
    notes = []
    for _ in range(-(-SCENE_SAMPLES // note_samples)):
        pitches = 110.0 * 2.0 ** (generator.integers(0, 37, int(generator.integers(1, 4))) / 12.0)
        phases = 2.0 * np.pi * (pitches[:, None] * harmonics)[..., None] * time
        notes.append(decay * np.einsum("h,phn->n", roll_off, np.sin(phases)))
    return np.concatenate(notes)[:SCENE_SAMPLES]


def clicks(generator: Generator) -> NDArray[np.float64]:
    """Isolated impulses, filtered at random."""
    impulses = (generator.random(SCENE_SAMPLES) < 10.0 ** generator.uniform(-4.3, -3.0)).astype(
        float
    )
    pole = generator.uniform(0.5, 0.99)
    ringing = generator.standard_normal(400) * pole ** np.arange(400)
    return np.convolve(impulses, ringing)[:SCENE_SAMPLES]


SYNTHETIC: tuple[Callable[[Generator], NDArray[np.float64]], ...] = (
    coloured_noise,
    coloured_noise,
    hum,
    signalling,
    sweep,
    melody,
    clicks,
)


def _rms(samples: NDArray[np.floating]) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


class Scenes:
    """Draws scenes of five seconds from clips of speech, noise and music."""

    def __init__(
        self, speech: list[Labelled], noise: list[Samples], music: list[Samples], seed: int
    ) -> None:
        """All clips are canonical and last at least half a second."""
        self._speech = speech
        self._noise = noise
        self._music = music
        self._generator = np.random.default_rng(seed)

    def batch(self, size: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Waveforms (size, SCENE_SAMPLES) and targets (size, SCENE_FRAMES)."""
        scenes = [self._scene() for _ in range(size)]
        return np.stack([scene[0] for scene in scenes]), np.stack([scene[1] for scene in scenes])

    def _scene(self) -> tuple[Samples, NDArray[np.float32]]:
        generator = self._generator
        target = np.zeros(SCENE_FRAMES, np.float32)
        scene = np.zeros(SCENE_SAMPLES)
        has_speech = generator.random() < SPEECH_SCENES
        if has_speech:
            self._place_speech(scene, target)
        if generator.random() < (0.7 if has_speech else 0.97):
            self._add_background(scene)
        if generator.random() < 0.3:
            scene = self._band_limited(scene)
        return self._at_random_gain(scene), target

    def _place_speech(self, scene: NDArray[np.float64], target: NDArray[np.float32]) -> None:
        """Fill `scene` with pieces of clips, with or without silent gaps between them."""
        generator = self._generator
        gap = generator.choice([0.0, 0.3, 1.5])
        frame = int(generator.uniform(0.0, gap) * 100)
        while frame < SCENE_FRAMES:
            clip = self._speech[generator.integers(len(self._speech))]
            start = int(generator.integers(0, max(1, clip.speech.size - 50)))
            length = min(
                int(generator.integers(50, SCENE_FRAMES + 1)),
                SCENE_FRAMES - frame,
                clip.speech.size - start,
            )
            piece = clip.samples[start * HOP : (start + length) * HOP]
            gain = 10.0 ** (generator.uniform(-6.0, 6.0) / 20.0) / max(_rms(piece), 1e-4)
            scene[frame * HOP : (frame + length) * HOP] = piece * gain
            target[frame : frame + length] = clip.speech[start : start + length]
            frame += length + int(generator.uniform(0.0, gap) * 100)

    def _add_background(self, scene: NDArray[np.float64]) -> None:
        generator = self._generator
        background = self._recording() if generator.random() < 0.7 else self._synthetic()
        if generator.random() < 0.3:
            second = self._recording() if generator.random() < 0.5 else self._synthetic()
            background = background + second * generator.uniform(0.1, 1.0)
        active = scene[scene != 0.0]
        loudness = _rms(active) if active.size else 1.0
        snr = 10.0 ** (generator.uniform(*SNR_DB) / 20.0)
        scene += background * (loudness / snr)

    def _recording(self) -> NDArray[np.float64]:
        """Noise or music, equally often, at a random speed and sometimes backwards."""
        generator = self._generator
        clips = self._music if generator.random() < 0.5 else self._noise
        clip = clips[generator.integers(len(clips))]
        start = generator.random() * clip.size
        positions = start + np.arange(SCENE_SAMPLES) * generator.uniform(*SPEED)
        recording = np.interp(positions % clip.size, np.arange(clip.size), clip)
        return self._unit(recording[::-1] if generator.random() < 0.3 else recording)

    def _synthetic(self) -> NDArray[np.float64]:
        source = SYNTHETIC[self._generator.integers(len(SYNTHETIC))]
        return self._unit(source(self._generator))

    @staticmethod
    def _unit(samples: NDArray[np.float64]) -> NDArray[np.float64]:
        return samples / max(_rms(samples), 1e-6)

    def _band_limited(self, scene: NDArray[np.float64]) -> NDArray[np.float64]:
        """A telephone's 300 to 3400 Hz, or a random upper limit."""
        generator = self._generator
        if generator.random() < 0.5:
            sections = butter(4, [300.0, 3400.0], "bandpass", fs=SAMPLE_RATE, output="sos")
        else:
            limit = generator.uniform(2500.0, 7500.0)
            sections = butter(6, limit, "lowpass", fs=SAMPLE_RATE, output="sos")
        return sosfilt(sections, scene)

    def _at_random_gain(self, scene: NDArray[np.float64]) -> Samples:
        """A random peak level; half of the scenes pass through 16-bit integers."""
        generator = self._generator
        peak = float(np.abs(scene).max())
        if peak > 0.0:
            scene = scene * (10.0 ** (generator.uniform(*PEAK_DBFS) / 20.0) / peak)
        if generator.random() < 0.5:
            scene = np.round(scene * 32767.0) / 32767.0
        return scene.astype(np.float32)
