"""The recordings of the pictures, all of them made from the voice of the tests, a synthesiser.

The detector is right about that voice as it is. For the pictures of genuine speech it is sent
through a line so bad that the shipped model no longer hears a machine: what these pictures show is
a mistake, and the pages that use them say so.
"""

import io
from pathlib import Path

import av
import numpy as np
import soxr
from scipy.signal import butter, fftconvolve, sosfilt

from tests.audio_factory import SPOKEN_RATE, Sound, encode, noise, speech

SPOKEN, UNCLEAR, DISGUISED, SPLICED = (
    "voicemail.wav",
    "conference-hall.wav",
    "interview.wav",
    "board-meeting.wav",
)
SECONDS = 40.0
INSERTED = slice(15 * SPOKEN_RATE, 25 * SPOKEN_RATE)
TELEPHONE_RATE = 8_000
TELEPHONE_HERTZ = (300.0, 3_400.0)
FORWARDED = 3
PEAK = 0.5


def write_recordings(folder: Path) -> None:
    """Speech as it is, in a hall, on a bad line, and on a bad line with a part as it is."""
    voice = speech(SECONDS)
    disguised = with_noise(telephone_band(in_a_hall(voice, 1.0)), 3.0)
    for _ in range(FORWARDED):
        disguised = by_telephone(disguised)
    spliced = disguised.copy()
    spliced[:, INSERTED] = voice[:, INSERTED]
    sounds = {
        SPOKEN: voice,
        UNCLEAR: by_telephone(with_noise(in_a_hall(voice, 1.5), 3.0)),
        DISGUISED: disguised,
        SPLICED: spliced,
    }
    for name, sound in sounds.items():
        (folder / name).write_bytes(encode(sound, SPOKEN_RATE))


def in_a_hall(voice: Sound, seconds: float) -> Sound:
    """A voice with the reverberation of noise that has died down by 60 dB after `seconds`."""
    echo = noise(seconds)[0]
    echo *= np.exp(-6.9 * np.linspace(0.0, 1.0, echo.size, dtype=np.float32))
    echo *= 0.25 / np.linalg.norm(echo)
    echo[0] = 1.0
    return fftconvolve(voice, echo[np.newaxis])[:, : voice.shape[1]]


def with_noise(voice: Sound, snr_db: float) -> Sound:
    """A voice in pink noise."""
    spectrum = np.fft.rfft(noise(voice.shape[1] / SPOKEN_RATE, seed=1))
    pink = np.fft.irfft(spectrum / np.sqrt(np.arange(1, spectrum.shape[1] + 1)), voice.shape[1])
    loudness = np.sqrt(np.mean(voice**2) / np.mean(pink**2)) * 10.0 ** (-snr_db / 20.0)
    return voice + loudness * pink


def telephone_band(voice: Sound) -> Sound:
    """What a telephone's microphone lets through."""
    return sosfilt(butter(4, TELEPHONE_HERTZ, "band", fs=SPOKEN_RATE, output="sos"), voice)


def by_telephone(voice: Sound) -> Sound:
    """A voice through the codec of mobile telephones and back."""
    narrow = soxr.resample(PEAK * voice[0] / np.abs(voice).max(), SPOKEN_RATE, TELEPHONE_RATE)
    content = encode(narrow[np.newaxis].astype(np.float32), TELEPHONE_RATE, "amr-nb")
    with av.open(io.BytesIO(content)) as media:
        heard = np.concatenate([frame.to_ndarray() for frame in media.decode(audio=0)], axis=1)
    wide = soxr.resample(heard[0].astype(np.float32), TELEPHONE_RATE, SPOKEN_RATE)
    return wide[np.newaxis, : voice.shape[1]]
