"""Channel augmentation, one policy for both classes.

A quarter of the windows stay as they are; the others get one or two of the effects below. An effect
that fails raises: a silent no-op would leave a class un-augmented unseen. There is no change of
gain, since every window is levelled afterwards, and no GSM, for which FFmpeg has no encoder of its
own.
"""

import hashlib
import io
from collections.abc import Callable, Sequence
from fractions import Fraction

import av
import numpy as np
import soxr
from scipy.signal import butter, fftconvolve, firwin2, sosfilt

from veravox.audio.canonical import SAMPLE_RATE, Samples, canonicalise, level
from veravox.audio.decode import DecodeLimits
from veravox.audio.reader import read_media

POLICY = 3
"""Raised with every change below, so that features of an older policy are not used again."""

UNCHANGED_SHARE = 0.25
CODECS = (
    ("mp3", "libmp3lame", "mp3", 16_000, (16_000, 24_000, 32_000, 64_000)),
    ("adts", "aac", "aac", 16_000, (16_000, 24_000, 48_000)),
    ("ogg", "libopus", "ogg", 48_000, (6_000, 12_000, 16_000, 24_000, 32_000)),
    ("wav", "pcm_mulaw", "wav", 8_000, (64_000,)),
    ("wav", "pcm_alaw", "wav", 8_000, (64_000,)),
    ("wav", "g722", "wav", 16_000, (64_000,)),
    ("amr", "libopencore_amrnb", "amr", 8_000, (4_750, 7_400, 12_200)),
)

Effect = Callable[[Samples, np.random.Generator], Samples]


class Augmentation:
    """The policy, with voices for babble."""

    def __init__(self, voices: Sequence[Samples]) -> None:
        """`voices`: speech of both classes, at 16 kHz, from which babble is mixed."""
        self._voices = voices
        self.fingerprint = hashlib.sha256(np.concatenate(voices).tobytes()).hexdigest()[:8]
        self.effects: tuple[Effect, ...] = (
            codec,
            codec,
            band_limit,
            coloured_noise,
            coloured_noise,
            self.babble,
            room,
            room,
            equaliser,
            clip_peaks,
            speed,
            edge_silence,
        )

    def __call__(self, samples: Samples, generator: np.random.Generator) -> Samples:
        """`samples` at 16 kHz, shape (n,), after zero, one or two random effects."""
        if generator.random() < UNCHANGED_SHARE:
            return samples
        count = 1 + int(generator.random() < 0.5)
        for index in generator.choice(len(self.effects), size=count, replace=False):
            samples = self.effects[index](samples, generator)
        if not np.isfinite(samples).all() or samples.size == 0:
            raise ValueError(f"effect made unusable audio ({samples.size} samples)")
        return samples

    def babble(self, samples: Samples, generator: np.random.Generator) -> Samples:
        """Three to six other voices at once, 5 to 30 dB below the signal."""
        count = int(generator.integers(3, 7))
        chosen = generator.choice(len(self._voices), size=count, replace=False)
        mixed = sum(np.resize(level(self._voices[index]), samples.size) for index in chosen)
        return _add(samples, np.asarray(mixed), generator)


def codec(samples: Samples, generator: np.random.Generator) -> Samples:
    """One lossy round trip at a random bit rate."""
    container, name, sniffed, rate, bit_rates = CODECS[generator.integers(len(CODECS))]
    encoded = encode(samples, container, name, rate, int(generator.choice(bit_rates)))
    return decode(encoded, sniffed)


def decode(encoded: bytes, sniffed: str) -> Samples:
    """The canonical samples of a file in memory, of the format `sniffed`."""
    blocks = list(read_media(io.BytesIO(encoded), sniffed, DecodeLimits()))
    decoded = np.concatenate([block.samples.mean(axis=0) for block in blocks])
    return canonicalise(decoded, blocks[0].sample_rate)


def encode(samples: Samples, container: str, codec_name: str, rate: int, bit_rate: int) -> bytes:
    """Canonical `samples` as a file in memory."""
    target = io.BytesIO()
    with av.open(target, "w", format=container) as output:
        stream = output.add_stream(codec_name, rate=rate, layout="mono")
        if "pcm" not in codec_name:
            stream.bit_rate = bit_rate
        pcm = np.clip(soxr.resample(samples, SAMPLE_RATE, rate, "HQ"), -1.0, 1.0)
        frame = av.AudioFrame.from_ndarray(
            np.round(pcm * 32_767).astype(np.int16)[None], format="s16", layout="mono"
        )
        frame.sample_rate = rate
        frame.time_base = Fraction(1, rate)
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return target.getvalue()


def band_limit(samples: Samples, generator: np.random.Generator) -> Samples:
    """A telephone-like or lower-quality band."""
    low = float(generator.choice((50.0, 200.0, 300.0)))
    high = float(generator.choice((3_400.0, 4_000.0, 5_500.0, 7_000.0)))
    sections = butter(6, (low, high), "bandpass", fs=SAMPLE_RATE, output="sos")
    return sosfilt(sections, samples).astype(np.float32)


def coloured_noise(samples: Samples, generator: np.random.Generator) -> Samples:
    """Noise with a spectrum between white and brown, at 5 to 30 dB below the signal."""
    spectrum = np.fft.rfft(generator.standard_normal(samples.size))
    frequencies = np.maximum(np.fft.rfftfreq(samples.size, 1 / SAMPLE_RATE), 20.0)
    noise = np.fft.irfft(spectrum * frequencies ** -generator.uniform(0.0, 1.0), samples.size)
    return _add(samples, noise, generator)


def room(samples: Samples, generator: np.random.Generator) -> Samples:
    """An exponentially decaying noise tail behind a direct path: a small to large room."""
    decay = generator.uniform(0.1, 0.8)
    time = np.arange(int(decay * SAMPLE_RATE)) / SAMPLE_RATE
    tail = generator.standard_normal(time.size) * np.exp(-6.9 * time / decay)
    tail *= 10 ** (-generator.uniform(0.0, 15.0) / 20) / np.sqrt(np.square(tail).sum())
    tail[0] += 1.0
    return fftconvolve(samples, tail)[: samples.size].astype(np.float32)


def equaliser(samples: Samples, generator: np.random.Generator) -> Samples:
    """A smooth random frequency response within +-10 dB."""
    points = np.array([0.0, 200.0, 800.0, 2_000.0, 4_000.0, 8_000.0])
    gains = 10 ** (generator.uniform(-10.0, 10.0, points.size) / 20)
    taps = firwin2(257, points, gains, fs=SAMPLE_RATE)
    return fftconvolve(samples, taps, mode="same").astype(np.float32)


def clip_peaks(samples: Samples, generator: np.random.Generator) -> Samples:
    """Overdrive: the loudest samples are cut."""
    limit = np.quantile(np.abs(samples), generator.uniform(0.95, 0.999))
    return np.clip(samples, -limit, limit).astype(np.float32)


def speed(samples: Samples, generator: np.random.Generator) -> Samples:
    """Faster or slower by up to 7 %, pitch included."""
    return soxr.resample(samples, 1.0, 1.0 / generator.uniform(0.93, 1.07), "HQ")


def edge_silence(samples: Samples, generator: np.random.Generator) -> Samples:
    """Up to a second of near-silence before or after the speech."""
    floor = 1e-4 * np.std(samples)
    pad = floor * generator.standard_normal(int(generator.uniform(0.1, 1.0) * SAMPLE_RATE))
    parts = (pad, samples) if generator.random() < 0.5 else (samples, pad)
    return np.concatenate(parts)[: samples.size + pad.size].astype(np.float32)


def _add(samples: Samples, noise: np.ndarray, generator: np.random.Generator) -> Samples:
    wanted = np.std(samples) * 10 ** (-generator.uniform(5.0, 30.0) / 20)
    return (samples + noise * (wanted / np.std(noise))).astype(np.float32)
