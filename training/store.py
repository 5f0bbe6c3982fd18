"""Rows of numbers by key, in chunks on disk, so that what was computed is not computed again."""

import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from training.manifest import Clip

CHUNK = 256

log = logging.getLogger(__name__)


class Store:
    """`<hash>.npy` holds the rows of a chunk, `<hash>.json` their keys."""

    def __init__(self, directory: Path) -> None:
        """Opens or begins the store in `directory`."""
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._places: dict[str, tuple[str, int]] = {}
        self._chunks: dict[str, np.ndarray] = {}
        for index in sorted(directory.glob("*.json")):
            self._enter(index.stem, json.loads(index.read_text()))

    def __contains__(self, key: str) -> bool:
        """Whether there is a row for the key."""
        return key in self._places

    def missing(self, clips: Sequence[Clip]) -> Iterator[Sequence[Clip]]:
        """Those of `clips` that have no row under their blob hash, in chunks to be added."""
        missing = [clip for clip in clips if clip.sha not in self]
        log.info("%s: %d of %d are missing", self._directory.name, len(missing), len(clips))
        for first in range(0, len(missing), CHUNK):
            yield missing[first : first + CHUNK]

    def add(self, keys: Sequence[str], values: np.ndarray) -> None:
        """Keep a row for each key.

        The index is written last, so that a chunk that was interrupted does not count.
        """
        name = hashlib.sha256("".join(keys).encode()).hexdigest()[:24]
        np.save(self._directory / f"{name}.npy", values)
        (self._directory / f"{name}.json").write_text(json.dumps(list(keys)))
        self._enter(name, keys)

    def row(self, key: str) -> np.ndarray:
        """The row of a key, read from disk."""
        name, row = self._places[key]
        if name not in self._chunks:
            self._chunks[name] = np.load(self._directory / f"{name}.npy", mmap_mode="r")
        return self._chunks[name][row]

    def rows(self, keys: Sequence[str]) -> np.ndarray:
        """The rows of several keys."""
        return np.stack([self.row(key) for key in keys])

    def _enter(self, name: str, keys: Sequence[str]) -> None:
        self._places |= {key: (name, row) for row, key in enumerate(keys)}
