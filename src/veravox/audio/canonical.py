"""The one view of audio that every model sees, in training and in serving alike.

mean of channels -> soxr HQ to 16 kHz -> second-order 30 Hz Butterworth high-pass -> float32.
The filter is applied as its impulse response, which has died away by 140 dB after 2048 samples:
that costs a decoder process a third of the memory that SciPy's recursive filter would. It runs
over steps of fixed size, counted from the start of the audio, so that a stream gives the same
samples to the last bit however it is cut into blocks.
`level()` is the last step and works window by window, so that the view of a window does not
depend on what surrounds it. soxr is used because its stop band is below -140 dB: aliases left by
a resampler would be evidence of nothing but the resampler.
"""

import functools
import math

import numpy as np
import soxr
from numpy.typing import NDArray

SAMPLE_RATE = 16_000
HIGH_PASS_HZ = 30.0
TARGET_RMS = 0.05
SILENCE_RMS = 1e-5

Samples = NDArray[np.float32]

_TAPS = 2048
_FFT_SAMPLES = 4096
_STEP = _FFT_SAMPLES - _TAPS + 1


class CanonicalStream:
    """Turns blocks of decoded audio into canonical blocks, in constant memory.

    Up to an eighth of a second is held back until more audio or the end comes.
    """

    def __init__(self, sample_rate: int) -> None:
        """`sample_rate` of the blocks that will be pushed, in Hz."""
        self._resampler = soxr.ResampleStream(sample_rate, SAMPLE_RATE, 1, "float32", "HQ")
        self._held: Samples = np.zeros(_TAPS - 1, np.float32)

    def push(self, block: Samples, *, last: bool = False) -> Samples:
        """Canonical samples for `block`, shape (channels, n) or (n,), full scale +-1.

        What is still held comes out with the block marked `last`.
        """
        mono = block.mean(axis=0, dtype=np.float32) if block.ndim == 2 else block
        resampled = self._resampler.resample_chunk(np.ascontiguousarray(mono, np.float32), last)
        self._held = np.concatenate((self._held, resampled))
        steps: list[Samples] = []
        while self._held.size >= _FFT_SAMPLES:
            steps.append(_high_passed(self._held[:_FFT_SAMPLES]))
            self._held = self._held[_STEP:]
        if last:
            steps.append(_high_passed(self._held)[: self._held.size - _TAPS + 1])
            self._held = self._held[1 - _TAPS :]
        return np.concatenate(steps) if steps else np.zeros(0, np.float32)


class CanonicalFeed:
    """Turns decoded audio whose sample rate may change into canonical audio.

    A change of rate ends one stream and begins another.
    """

    def __init__(self) -> None:
        """Waits for the first block, which tells the rate."""
        self._stream: CanonicalStream | None = None
        self._rate = 0

    def push(self, block: Samples, sample_rate: int) -> Samples:
        """Canonical samples for `block`, shape (channels, n), at `sample_rate` Hz."""
        if self._stream is not None and sample_rate == self._rate:
            return self._stream.push(block)
        ended = self.finish()
        self._stream = CanonicalStream(sample_rate)
        self._rate = sample_rate
        return np.concatenate((ended, self._stream.push(block)))

    def finish(self) -> Samples:
        """What is still held; the next block begins a stream of its own."""
        if self._stream is None:
            return np.zeros(0, np.float32)
        ended = self._stream.push(np.zeros(0, np.float32), last=True)
        self._stream = None
        return ended


def canonicalise(samples: Samples, sample_rate: int) -> Samples:
    """The canonical view of a whole signal, shape (channels, n) or (n,) -> (m,) at 16 kHz."""
    return CanonicalStream(sample_rate).push(samples, last=True)


def level(window: Samples) -> Samples:
    """`window` at an RMS of 0.05 (-26 dBFS); digital silence is returned as it is."""
    rms = float(np.sqrt(np.mean(np.square(window, dtype=np.float64)))) if window.size else 0.0
    if rms < SILENCE_RMS:
        return window
    return (window * (TARGET_RMS / rms)).astype(np.float32)


def _high_passed(signal: Samples) -> Samples:
    """The filter's response to all but the first 2047 of up to 4096 samples, (2049,).

    What lies beyond the end of a shorter `signal` is the response to silence.
    """
    spectrum = np.fft.rfft(signal, _FFT_SAMPLES) * _frequency_response()
    return np.fft.irfft(spectrum, _FFT_SAMPLES)[_TAPS - 1 :].astype(np.float32)


@functools.cache
def _frequency_response() -> NDArray[np.complexfloating]:
    return np.fft.rfft(_impulse_response(), _FFT_SAMPLES)


@functools.cache
def _impulse_response() -> Samples:
    """Butterworth, by the bilinear transform (Zölzer, DAFX, 2011, table 2.2), (2048,)."""
    k = math.tan(math.pi * HIGH_PASS_HZ / SAMPLE_RATE)
    scale = 1.0 / (1.0 + math.sqrt(2.0) * k + k * k)
    feedback = (2.0 * (k * k - 1.0) * scale, (1.0 - math.sqrt(2.0) * k + k * k) * scale)
    forward = (scale, -2.0 * scale, scale)
    response = np.zeros(_TAPS)
    for n in range(_TAPS):
        response[n] = forward[n] if n < len(forward) else 0.0
        for delay, weight in enumerate(feedback, start=1):
            if n >= delay:
                response[n] -= weight * response[n - delay]
    return response.astype(np.float32)
