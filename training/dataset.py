"""All clips that training may use, from several manifests and the synthetic sets."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from training.corpora import SET_INDEX
from training.licences import NON_COMMERCIAL
from training.manifest import Clip, check_reserved, read_manifest
from training.systems import base_name

LABELS = ("bonafide", "spoof")
WITHHELD = Path(__file__).parent / "collect" / "excluded.txt"
"""Git blob hashes of recordings that also lie in repositories kept for the final test."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where training data comes from.

    `manifests` name clips in `mirrors`; `synthesis` holds the sets of `training.synthesis`;
    `reserved` lists repositories that are kept for the final test.
    """

    manifests: tuple[Path, ...]
    mirrors: Path
    synthesis: Path
    reserved: Path | None = None

    @property
    def lists(self) -> list[Path]:
        """The manifests and the synthetic sets' indexes."""
        return [*self.manifests, *sorted(self.synthesis.glob(f"*/{SET_INDEX}"))]


def read_clips(sources: Sources) -> list[Clip]:
    """The bona fide and spoofed clips of all manifests and synthetic sets, each blob once.

    Left out are the blobs that are withheld for the final test, and copies of them. Of training
    clips there are none of systems and named speakers of the dev split either, and none of
    repositories whose licence excludes commercial use, nor copies of these. Raises ValueError for a
    clip of a reserved repository.
    """
    clips = [clip for path in sources.lists for clip in read_manifest(path) if clip.label in LABELS]
    if sources.reserved:
        check_reserved(clips, sources.reserved)
    withheld = set(WITHHELD.read_text("utf-8").split())
    withheld_from_training = withheld | non_commercial(clips)
    unique: dict[str, Clip] = {}
    for clip in clips:
        barred = withheld_from_training if clip.split == "train" else withheld
        if not {clip.sha, clip.pair} & barred:
            unique.setdefault(clip.sha, clip)
    return apart_from_dev(list(unique.values()))


def non_commercial(clips: Sequence[Clip]) -> set[str]:
    """The blobs that also lie in a repository whose licence excludes commercial use."""
    return {clip.sha for clip in clips if clip.repo in NON_COMMERCIAL}


def apart_from_dev(clips: Sequence[Clip]) -> list[Clip]:
    """Without training clips of a system or a named speaker that the dev split has too."""
    dev = [clip for clip in clips if clip.split == "dev"]
    systems = {base_name(clip.system) for clip in dev if clip.spoof}
    speakers = {clip.speaker for clip in dev if clip.speaker}
    return [
        clip
        for clip in clips
        if clip.split == "dev"
        or not ((clip.spoof and base_name(clip.system) in systems) or clip.speaker in speakers)
    ]
