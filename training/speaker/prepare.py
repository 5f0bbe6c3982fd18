"""Mel powers of training speech and teachers' embeddings, computed once and kept on disk.

A clip gives a view for each of its windows of `training.windows`: as it is, and through a random
channel. A view is 3.2 s of speech without its pauses; less is repeated. Teachers hear the recording
as it is.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from training.manifest import Clip
from training.speaker.frontend import HOP, Floats
from training.speaker.network import FrontEnd
from training.speaker.speech import SpeechOnly
from training.speaker.teachers import Teacher
from training.store import Store
from training.windows import Windows
from veravox.audio.canonical import Samples, level

FRAMES = 320
CHUNK = 64

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Views:
    """`mels`: a store for each variant, its rows (FRAMES, MELS) float16 by the clip's blob hash.

    `heard`: each teacher's unit embeddings, a row for each of `clips`.
    """

    clips: list[Clip]
    mels: list[Store]
    heard: dict[str, Floats]


def compute(
    clips: Sequence[Clip], windows: Windows, teachers: Mapping[str, Teacher], directory: Path
) -> Views:
    """The views of all clips; only what is not in `directory` is computed."""
    speech, front_end = SpeechOnly(), FrontEnd()
    mels = [Store(directory / f"mels-{name}") for name in windows.names]
    heard = {name: Store(directory / name) for name in teachers}
    for first in range(0, len(clips), CHUNK):
        chunk = clips[first : first + CHUNK]
        for variant, store in enumerate(mels):
            missing = [clip for clip in chunk if clip.sha not in store]
            if missing:
                rows = [_mels(speech(windows.samples(c, variant)), front_end) for c in missing]
                store.add([clip.sha for clip in missing], np.stack(rows))
        for name, store in heard.items():
            missing = [clip for clip in chunk if clip.sha not in store]
            if missing:
                said = [speech(windows.samples(clip, 0)) for clip in missing]
                store.add([clip.sha for clip in missing], teachers[name](said))
        log.info("views of %d of %d clips", first + len(chunk), len(clips))
    shas = [clip.sha for clip in clips]
    rows_of = {name: store.rows(shas) for name, store in heard.items()}
    return Views(list(clips), mels, rows_of)


@torch.inference_mode()
def _mels(said: Samples, front_end: FrontEnd) -> np.ndarray:
    filled = np.resize(level(said), FRAMES * HOP)
    return front_end(torch.from_numpy(filled)[None])[0].numpy().astype(np.float16)
