"""How good a recording is, measured on canonical audio in constant memory.

Levels are powers of 10-ms frames. The speech level is their mean over speech, in the spirit of
the active speech level of ITU-T P.56. The noise floor is read from a histogram of frame levels,
as in NIST's STNR: the median of the frames without speech or, in recordings that hardly pause,
the 5th percentile of all frames. SNR is the speech level less the noise it contains, over the
noise floor. The bandwidth is read from the long-term average spectrum of the speech.
"""

import numpy as np
from numpy.typing import NDArray

from veravox.audio.activity import FRAME_SAMPLES, FRAME_SECONDS
from veravox.audio.canonical import SAMPLE_RATE, Samples
from veravox.audio.recording import Quality

SILENCE_DBFS = -100.0
"""The lowest level that is told apart; about the quantisation noise of 16-bit audio."""
LOWEST_SNR_DB = -20.0
BANDWIDTH_DB = 60.0
"""A band carries energy when it is at most this far below the strongest band."""
BAND_HZ = 125.0

_SEGMENT = 512
_BINS_PER_BAND = round(BAND_HZ * _SEGMENT / SAMPLE_RATE)
_STEP_DB = 0.25
_LOUDEST_DBFS = 200.0
_LEVELS = round((_LOUDEST_DBFS - SILENCE_DBFS) / _STEP_DB)
_ENOUGH_PAUSE_FRAMES = round(0.3 / FRAME_SECONDS)
_TAPER = np.hanning(_SEGMENT + 1)[:-1]


class QualityMeter:
    """Collects what `Quality` states while a recording passes by."""

    def __init__(self) -> None:
        """An empty meter."""
        self._speech_frames = 0
        self._speech_power = 0.0
        self._pause_levels = np.zeros(_LEVELS, np.int64)
        self._all_levels = np.zeros(_LEVELS, np.int64)
        self._speech_spectrum = np.zeros(_SEGMENT // 2 + 1)
        self._whole_spectrum = np.zeros(_SEGMENT // 2 + 1)

    def push(self, samples: Samples, speech: NDArray[np.bool_]) -> None:
        """Adds the next canonical samples, shape (n,), and which 10-ms frames hold speech.

        `speech` has shape (n // 160,); samples after the last whole frame are left out. Parts of
        a recording must not be pushed twice.
        """
        if speech.size != samples.size // FRAME_SAMPLES:
            raise ValueError("one speech flag is needed for each whole frame")
        frames = samples[: speech.size * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
        powers = np.square(frames, dtype=np.float64).mean(axis=1)
        self._speech_frames += int(speech.sum())
        self._speech_power += float(powers[speech].sum())
        levels = _level_index(powers)
        self._pause_levels += np.bincount(levels[~speech], minlength=_LEVELS)
        self._all_levels += np.bincount(levels, minlength=_LEVELS)
        self._add_spectra(samples, speech)

    def result(self, clipping_ratio: float) -> Quality:
        """What was measured. `clipping_ratio` (0..1) was measured before resampling.

        Without speech there is no SNR, the level is the lowest there is, and the bandwidth is that
        of whatever was heard.
        """
        spectrum = self._speech_spectrum if self._speech_spectrum.any() else self._whole_spectrum
        power = self._speech_power / self._speech_frames if self._speech_frames else 0.0
        return Quality(
            snr_db=self._snr_db(power) if self._speech_frames else None,
            clipping_ratio=clipping_ratio,
            bandwidth_hz=_bandwidth(spectrum),
            level_dbfs=float(_decibels(np.array(power))),
            net_speech=self._speech_frames * FRAME_SECONDS,
        )

    def _snr_db(self, speech_power: float) -> float:
        if self._pause_levels.sum() >= _ENOUGH_PAUSE_FRAMES:
            noise_db = _quantile(self._pause_levels, 0.5)
        else:
            noise_db = _quantile(self._all_levels, 0.05)
        noise = 10.0 ** (noise_db / 10.0)
        clean = max(speech_power - noise, noise * 10.0 ** (LOWEST_SNR_DB / 10.0))
        return float(10.0 * np.log10(clean / noise))

    def _add_spectra(self, samples: Samples, speech: NDArray[np.bool_]) -> None:
        """Adds the power spectra of 32-ms segments; a segment is what its middle frame is."""
        count = samples.size // _SEGMENT
        if not count:
            return
        segments = samples[: count * _SEGMENT].reshape(count, _SEGMENT) * _TAPER
        spectra = np.square(np.abs(np.fft.rfft(segments, axis=1)))
        middles = (np.arange(count) * _SEGMENT + _SEGMENT // 2) // FRAME_SAMPLES
        self._whole_spectrum += spectra.sum(axis=0)
        self._speech_spectrum += spectra[speech[middles]].sum(axis=0)


def _decibels(power: NDArray[np.float64]) -> NDArray[np.float64]:
    return 10.0 * np.log10(np.maximum(power, 10.0 ** (SILENCE_DBFS / 10.0)))


def _level_index(powers: NDArray[np.float64]) -> NDArray[np.intp]:
    steps = (_decibels(powers) - SILENCE_DBFS) / _STEP_DB
    return np.minimum(steps.astype(np.intp), _LEVELS - 1)


def _quantile(levels: NDArray[np.int64], share: float) -> float:
    """The level in dBFS below which `share` of the counted frames lie, to half a step."""
    cumulative: NDArray[np.int64] = np.cumsum(levels)
    index = int((cumulative < share * cumulative[-1]).sum())
    return SILENCE_DBFS + (index + 0.5) * _STEP_DB


def _bandwidth(spectrum: NDArray[np.float64]) -> float:
    """Upper edge in Hz of the highest band that carries energy, 0 for digital silence."""
    bands = spectrum[1:].reshape(-1, _BINS_PER_BAND).sum(axis=1)
    if not bands.any():
        return 0.0
    carrying = np.flatnonzero(bands >= bands.max() * 10.0 ** (-BANDWIDTH_DB / 10.0))
    return float((carrying[-1] + 1) * BAND_HZ)
