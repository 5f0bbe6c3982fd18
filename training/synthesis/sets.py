"""A set of synthetic clips on disk: FLAC files and an index in the columns of the manifest.

A set lies in its own folder, `synthesis+<name>`, and is the repository `synthesis/<name>` in its
index, so that `training.corpora.build_corpus` reads it like any other source.
"""

import csv
import hashlib
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from onnxruntime import InferenceSession, SessionOptions

from training.corpora import SET_INDEX
from training.manifest import Clip, read_manifest
from veravox.audio.canonical import Samples

COLUMNS = [
    "split",
    "label",
    "repo",
    "commit",
    "found_in",
    "path",
    "sha",
    "format",
    "sample_rate",
    "duration",
    "system",
    "kind",
    "language",
    "speaker",
    "year",
    "family",
    "pair",
    "licence",
]
SHORTEST_SECONDS = 0.5
FULL_SCALE = 0.98


@dataclass(frozen=True, slots=True)
class Sound:
    """Mono speech: `samples` (n,) float32, `sample_rate` in Hz."""

    samples: Samples
    sample_rate: int

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.samples.size / self.sample_rate


@dataclass(frozen=True, slots=True)
class Engine:
    """What generates the clips of a set.

    `family`: as in `training.systems` where the engine is modern, else in a few words.
    `kind`: `tts` or `vocoder`. `licence`: of the engine and its voices.
    """

    family: str
    kind: str
    year: int
    licence: str


@dataclass(frozen=True, slots=True)
class Planned:
    """A clip that `make` will generate; `name` (a path without suffix) is unique in its set.

    `pair`: the blob hash of the recording of which this is a copy. A copy starts where its original
    starts, so that sample n of one (at 16 kHz) belongs to sample n of the other.
    """

    engine: Engine
    system: str
    language: str
    speaker: str
    name: str
    make: Callable[[], Sound]
    pair: str = ""


@dataclass(frozen=True, slots=True)
class Produced:
    """How many clips of a set were made now, and their length."""

    clips: int
    seconds: float


def seed_of(*parts: str) -> int:
    """A seed, 0 to 2^31 - 1, that depends on `parts` only."""
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def generator_of(*parts: str) -> np.random.Generator:
    """Random numbers that depend on `parts` only."""
    return np.random.default_rng(seed_of(*parts))


def one_thread(model: str) -> InferenceSession:
    """A session of the ONNX file `model` on one core."""
    options = SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return InferenceSession(model, options, providers=["CPUExecutionProvider"])


def set_folder(out: Path, name: str) -> Path:
    """Where the set `name` lies below `out`."""
    return out / f"synthesis+{name}"


def produce(name: str, planned: Iterable[Planned], out: Path) -> Produced:
    """Makes the clips that the set `name` below `out` does not have yet.

    Raises ValueError when a generator gives silence, next to nothing or numbers that are not
    finite: the clip's name is in the message.
    """
    folder = set_folder(out, name)
    folder.mkdir(parents=True, exist_ok=True)
    index = folder / SET_INDEX
    made = _paths(index)
    clips, seconds = 0, 0.0
    with index.open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if file.tell() == 0:
            writer.writeheader()
        for clip in planned:
            path = f"{clip.name}.flac"
            if path in made:
                continue
            sound = _checked(clip.make(), f"{name}/{path}")
            blob = flac(sound)
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(blob)
            writer.writerow(_row(name, path, clip, sound, blob))
            file.flush()
            clips, seconds = clips + 1, seconds + sound.seconds
    return Produced(clips, seconds)


def blob_hash(content: bytes) -> str:
    """The hash that git gives a file with this content, by which clips are known."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def read_sets(out: Path) -> list[Clip]:
    """The clips of every set below `out`, as rows of a manifest."""
    indexes = sorted(out.glob(f"synthesis+*/{SET_INDEX}"))
    return [clip for index in indexes for clip in read_manifest(index)]


def flac(sound: Sound) -> bytes:
    """A 16-bit FLAC file; what exceeds full scale is scaled down, not clipped."""
    peak = float(np.abs(sound.samples).max())
    scale = 32_767 * min(1.0, FULL_SCALE / peak) if peak > 0.0 else 32_767
    target = io.BytesIO()
    with av.open(target, "w", format="flac") as output:
        stream = output.add_stream("flac", rate=sound.sample_rate, layout="mono", format="s16")
        frame = av.AudioFrame.from_ndarray(
            np.round(sound.samples * scale).astype(np.int16)[None], format="s16", layout="mono"
        )
        frame.sample_rate = sound.sample_rate
        frame.time_base = Fraction(1, sound.sample_rate)
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return target.getvalue()


def _paths(index: Path) -> set[str]:
    if not index.exists():
        return set()
    with index.open(encoding="utf-8", newline="") as file:
        return {row["path"] for row in csv.DictReader(file)}


def _checked(sound: Sound, name: str) -> Sound:
    if sound.seconds < SHORTEST_SECONDS:
        raise ValueError(f"{name}: {sound.seconds:.2f} s of sound")
    if not np.isfinite(sound.samples).all() or np.std(sound.samples) < 1e-4:
        raise ValueError(f"{name}: silence or numbers that are not finite")
    return sound


def _row(name: str, path: str, clip: Planned, sound: Sound, blob: bytes) -> dict[str, object]:
    return {
        "split": "train",
        "label": "spoof",
        "repo": f"synthesis/{name}",
        "commit": "",
        "found_in": "synthesis",
        "path": path,
        "sha": blob_hash(blob),
        "format": "flac",
        "sample_rate": sound.sample_rate,
        "duration": f"{sound.seconds:.3f}",
        "system": clip.system,
        "kind": clip.engine.kind,
        "language": clip.language,
        "speaker": clip.speaker,
        "year": clip.engine.year,
        "family": clip.engine.family,
        "pair": clip.pair,
        "licence": clip.engine.licence,
    }
