"""The audio of a manifest, decoded once into a cache of canonical 16 kHz signals.

Each repository becomes a shard: `<owner>+<name>.npy`, int16 samples end to end, each clip scaled
to its own peak, and `<owner>+<name>.json`, the place of every clip. Clips are cut at 60 s. A shard
that is there is not made again.
"""

import io
import json
import logging
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.manifest import Clip
from veravox.audio.canonical import SAMPLE_RATE, Samples, canonicalise
from veravox.audio.decode import DecodeLimits
from veravox.audio.reader import read_media
from veravox.audio.sniff import HEAD_BYTES, sniff
from veravox.errors import MediaError

LONGEST_SECONDS = 60
PEAK = 32_000
SET_INDEX = "index.csv"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Corpus:
    """Decoded clips and where their samples lie."""

    directory: Path
    places: dict[tuple[str, str], tuple[int, int]]

    def __contains__(self, clip: Clip) -> bool:
        """Whether the clip was decoded."""
        return (clip.repo, clip.sha) in self.places

    def seconds(self, clip: Clip) -> float:
        """Length of what is kept of the clip."""
        first, end = self.places[clip.repo, clip.sha]
        return (end - first) / SAMPLE_RATE

    def samples(self, clip: Clip, first: int = 0, count: int | None = None) -> Samples:
        """`count` canonical samples from `first` on, float32, at the scale of the clip's peak."""
        start, end = self.places[clip.repo, clip.sha]
        stop = end if count is None else min(end, start + first + count)
        shard = np.load(_shard(self.directory, clip.repo), mmap_mode="r")
        return shard[start + first : stop].astype(np.float32) / PEAK


def build_corpus(
    clips: Sequence[Clip], mirrors: Path, directory: Path, processes: int = 2
) -> Corpus:
    """Decode what is missing in `directory` and open it.

    `mirrors` holds a git directory for each repository, `<owner>+<name>/repo[/.git]`, or a set of
    `training.synthesis`, `synthesis+<name>`, which is decoded again when it has grown. Clips that
    do not decode, and repositories without a mirror, are logged and left out.
    """
    directory.mkdir(parents=True, exist_ok=True)
    by_repo: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        by_repo[clip.repo].append(clip)
    missing = [repo for repo in by_repo if _outdated(repo, mirrors, directory)]
    with ProcessPoolExecutor(processes) as pool:
        jobs = [pool.submit(_build_shard, by_repo[r], mirrors, directory) for r in missing]
        for job in jobs:
            log.info(job.result())
    return open_corpus(clips, directory)


def open_corpus(clips: Sequence[Clip], directory: Path) -> Corpus:
    """What `directory` holds of the repositories of `clips`."""
    places: dict[tuple[str, str], tuple[int, int]] = {}
    for repo in {clip.repo for clip in clips}:
        if _index(directory, repo).exists():
            for sha, (first, end) in json.loads(_index(directory, repo).read_text()).items():
                places[repo, sha] = (first, end)
    return Corpus(directory, places)


def _shard(directory: Path, repo: str) -> Path:
    return directory / f"{repo.replace('/', '+')}.npy"


def _index(directory: Path, repo: str) -> Path:
    return _shard(directory, repo).with_suffix(".json")


def git_directory(mirrors: Path, repo: str) -> Path | None:
    """The mirror of a repository, bare or with a work tree, None where there is none."""
    mirror = mirrors / repo.replace("/", "+") / "repo"
    return next((path for path in (mirror / ".git", mirror) if (path / "HEAD").is_file()), None)


def _synthetic_set(mirrors: Path, repo: str) -> Path | None:
    folder = mirrors / repo.replace("/", "+")
    return folder if (folder / SET_INDEX).is_file() else None


def _outdated(repo: str, mirrors: Path, directory: Path) -> bool:
    shard = _index(directory, repo)
    synthetic = _synthetic_set(mirrors, repo)
    if synthetic and shard.exists():
        return (synthetic / SET_INDEX).stat().st_mtime > shard.stat().st_mtime
    return not shard.exists()


def _build_shard(clips: Sequence[Clip], mirrors: Path, directory: Path) -> str:
    repo = clips[0].repo
    git = git_directory(mirrors, repo)
    synthetic = _synthetic_set(mirrors, repo)
    if synthetic:
        files = ((clip.sha, (synthetic / clip.path).read_bytes()) for clip in clips)
    elif git:
        files = blobs(git, [clip.sha for clip in clips])
    else:
        return f"{repo}: no mirror"
    parts: list[np.ndarray] = []
    places: dict[str, tuple[int, int]] = {}
    position = 0
    for sha, blob in files:
        samples = _decoded(blob)
        if samples is None:
            continue
        parts.append(samples)
        places[sha] = (position, position + samples.size)
        position += samples.size
    np.save(_shard(directory, repo), np.concatenate(parts) if parts else np.zeros(0, np.int16))
    _index(directory, repo).write_text(json.dumps(places))
    return f"{repo}: {len(places)} of {len(clips)} clips, {position / SAMPLE_RATE / 3600:.2f} h"


def blobs(git: Path, shas: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Each blob that the mirror has, by one process of the protocol of `git cat-file --batch`."""
    command = ["git", "--git-dir", str(git), "cat-file", "--batch"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for sha in dict.fromkeys(shas):
            process.stdin.write(f"{sha}\n".encode())
            process.stdin.flush()
            header = process.stdout.readline().split()
            if header[-1] == b"missing":
                continue
            blob = process.stdout.read(int(header[2]))
            process.stdout.read(1)
            yield sha, blob


def _decoded(blob: bytes) -> np.ndarray | None:
    """Peak-scaled int16 canonical samples, None where the clip has none worth keeping."""
    try:
        container = sniff(blob[:HEAD_BYTES])
        blocks = list(read_media(io.BytesIO(blob), container, DecodeLimits()))
    except MediaError:
        return None
    rate = blocks[0].sample_rate if blocks else 0
    same = [block.samples.mean(axis=0) for block in blocks if block.sample_rate == rate]
    if not same:
        return None
    samples = canonicalise(np.concatenate(same)[: LONGEST_SECONDS * rate], rate)
    peak = float(np.abs(samples).max()) if samples.size else 0.0
    if peak < 1e-5 or samples.size < SAMPLE_RATE // 4:
        return None
    return np.round(samples * (PEAK / peak)).astype(np.int16)
