"""Clips named by the manifest, read from git mirrors and turned into the canonical view."""

import io
import random
import subprocess
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

import numpy as np

from training.manifest import Clip
from veravox.audio.canonical import SAMPLE_RATE, CanonicalStream, Samples
from veravox.audio.decode import DecodeLimits
from veravox.audio.reader import read_media
from veravox.audio.sniff import HEAD_BYTES, sniff
from veravox.errors import MediaError

SPEECH_LABELS = ("bonafide", "spoof")
NON_SPEECH_LABEL = "non_speech"
HELD_OUT_OF = 5
SHORTEST_SAMPLES = SAMPLE_RATE // 2


def held_out_noise(clip: Clip) -> bool:
    """Whether a non-speech clip is kept for the evaluation.

    All versions of one recording fall on the same side: the first two dash-separated parts of
    the file name identify the recording.
    """
    recording = "-".join(PurePosixPath(clip.path).stem.split("-")[:2])
    return zlib.crc32(recording.encode()) % HELD_OUT_OF == 0


def balanced(clips: list[Clip], count: int, seed: int) -> list[Clip]:
    """Up to `count` clips, taken in turn from every (repository, system), in a seeded order."""
    groups: dict[tuple[str, str], list[Clip]] = defaultdict(list)
    for clip in clips:
        groups[clip.repo, clip.system].append(clip)
    generator = random.Random(seed)
    queues = list(groups.values())
    generator.shuffle(queues)
    for queue in queues:
        generator.shuffle(queue)
    chosen: list[Clip] = []
    while queues and len(chosen) < count:
        chosen.extend(queue.pop() for queue in queues)
        queues = [queue for queue in queues if queue]
    return chosen[:count]


class Mirrors:
    """A folder of git mirrors, one per repository, named ``owner+name``."""

    def __init__(self, folder: Path) -> None:
        """`folder` holds the mirrors."""
        self._folder = folder

    def has(self, clip: Clip) -> bool:
        """Whether the repository of `clip` is mirrored."""
        return self._git_dir(clip).is_dir()

    def load(self, clips: Iterable[Clip], seconds: float) -> Iterator[tuple[Clip, Samples]]:
        """Each clip that decodes with its first `seconds` of canonical samples, shape (n,)."""
        for clip in clips:
            try:
                samples = _decode(self._blob(clip), seconds)
            except MediaError:
                continue
            if samples.size >= SHORTEST_SAMPLES:
                yield clip, samples

    def _git_dir(self, clip: Clip) -> Path:
        mirror = self._folder / clip.repo.replace("/", "+") / "repo"
        return mirror / ".git" if (mirror / ".git").is_dir() else mirror

    def _blob(self, clip: Clip) -> bytes:
        command = ["git", "--git-dir", str(self._git_dir(clip)), "cat-file", "blob", clip.sha]
        return subprocess.run(command, check=True, capture_output=True).stdout


def _decode(media: bytes, seconds: float) -> Samples:
    wanted = int(seconds * SAMPLE_RATE)
    canonical: CanonicalStream | None = None
    parts: list[Samples] = []
    for block in read_media(io.BytesIO(media), sniff(media[:HEAD_BYTES]), DecodeLimits()):
        canonical = canonical or CanonicalStream(block.sample_rate)
        parts.append(canonical.push(block.samples))
        if sum(part.size for part in parts) >= wanted:
            break
    if canonical:
        parts.append(canonical.push(np.zeros(0, np.float32), last=True))
    return np.concatenate(parts)[:wanted] if parts else np.zeros(0, np.float32)
