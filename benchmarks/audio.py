"""Recordings to measure with, made from the speech that the tests use."""

import io
import wave
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

SPOKEN = Path("tests/fixtures/spoken.flac")
RATE = 16_000


def speech(seconds: float) -> NDArray[np.int16]:
    """The fixture's speech, repeated to `seconds`, 16 kHz mono."""
    with av.open(str(SPOKEN)) as media:
        frames = [frame.to_ndarray().reshape(-1) for frame in media.decode(audio=0)]
    return np.resize(np.concatenate(frames).astype(np.int16), round(seconds * RATE))


def wav(seconds: float) -> bytes:
    """`seconds` of speech as a 16-bit WAV file."""
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(speech(seconds).tobytes())
    return target.getvalue()


def compressed(seconds: float, container: str, codec: str, rate: int) -> bytes:
    """`seconds` of speech in a lossy format."""
    target = io.BytesIO()
    with av.open(target, "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(speech(seconds)[None], format="s16", layout="mono")
        frame.sample_rate = RATE
        resampler = av.AudioResampler(format=stream.format, layout="mono", rate=rate)
        for part in (*resampler.resample(frame), *resampler.resample(None)):
            output.mux(stream.encode(part))
        output.mux(stream.encode(None))
    return target.getvalue()
