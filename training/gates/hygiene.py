"""Whether anything of the dev split is also in training.

A source may be in both (a corpus of many speakers), which is only told; its speakers may not.
"""

from collections.abc import Callable, Sequence

from training.manifest import Clip
from training.systems import base_name

SOURCE = "source (repository), told only"
KINDS: dict[str, Callable[[Clip], str]] = {
    "recording (blob)": lambda clip: clip.sha,
    "original of a copy (blob)": lambda clip: clip.pair or clip.sha,
    SOURCE: lambda clip: clip.repo,
    "system": lambda clip: base_name(clip.system) if clip.spoof else "",
    "family by source": lambda clip: f"{clip.kind}: {clip.repo}" if clip.spoof else "",
    "speaker": lambda clip: clip.speaker,
}


def straddling(clips: Sequence[Clip]) -> dict[str, list[str]]:
    """For each kind of thing, those that clips of both splits have."""
    splits = {split: [c for c in clips if c.split == split] for split in ("train", "dev")}
    found: dict[str, list[str]] = {}
    for kind, name in KINDS.items():
        sides = [{name(clip) for clip in members} - {""} for members in splits.values()]
        found[kind] = sorted(sides[0] & sides[1])
    return found
