"""CPU time of decoding, speech activity and scoring, as a share of real time."""

import io
import resource
import time
from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.audio import compressed, wav
from veravox.audio.activity import SpeechActivity
from veravox.audio.canonical import canonicalise
from veravox.audio.decode import DecoderPool
from veravox.audio.windows import WINDOW_SAMPLES
from veravox.detection.models import ModelRegistry
from veravox.settings import load_settings
from veravox.speaker.encoder import installed_encoder

MINUTE = 60.0
REPEATS = 5


def measure() -> Iterator[tuple[str, str, str]]:
    """Rows of (what, measured, budget)."""
    for name, media in (
        ("WAV", wav(MINUTE)),
        ("MP3", compressed(MINUTE, "mp3", "libmp3lame", 16_000)),
        ("Opus", compressed(MINUTE, "ogg", "libopus", 48_000)),
    ):
        yield f"decode + canonical view, {name}", _decoding(media), "0.002 x real time"
    window = canonicalise(
        np.frombuffer(wav(5.0)[44:], np.int16).astype(np.float32) / 32_768, 16_000
    )[:WINDOW_SAMPLES]
    settings = load_settings()
    activity, detector = SpeechActivity(), ModelRegistry(settings.models_dir).resolve()
    yield "speech activity", _cpu(lambda: activity.probabilities(window)), "0.002 x real time"
    yield "detector", _cpu(lambda: detector.score(window)), "0.01 x real time"
    encoder = installed_encoder(settings.voice_model_dir)
    if encoder is not None:
        yield "speaker encoder", _cpu(lambda: encoder.embed(window)), "0.003 x real time"


def _decoding(media: bytes) -> str:
    with DecoderPool(1) as pool:
        _drain(pool, media)
        seconds = min(_timed(lambda: _drain(pool, media)) for _ in range(REPEATS))
    return f"{seconds / MINUTE:.4f} x real time"


def _drain(pool: DecoderPool, media: bytes) -> None:
    with pool.open(io.BytesIO(media)) as decoded:
        for _ in decoded:
            pass


def _timed(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def _cpu(action: Callable[[], object]) -> str:
    """CPU seconds of `action` on a window of 5 s, as a share of real time."""
    action()
    before = resource.getrusage(resource.RUSAGE_SELF)
    for _ in range(4 * REPEATS):
        action()
    after = resource.getrusage(resource.RUSAGE_SELF)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return f"{used / (4 * REPEATS) / 5.0:.4f} x real time"
