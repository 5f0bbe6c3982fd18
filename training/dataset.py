"""All clips that training may use, from several manifests and the synthetic sets."""

from collections.abc import Iterable
from pathlib import Path

from training.corpora import SET_INDEX
from training.manifest import Clip, check_reserved, read_manifest

LABELS = ("bonafide", "spoof")


def read_clips(
    manifests: Iterable[Path], synthesis: Path | None, reserved: Path | None, excluded: Path
) -> list[Clip]:
    """Bona fide and spoofed clips of the manifests and of the sets in the folder `synthesis`.

    Left out are other labels, a blob that was there before, and the blobs that `excluded` lists,
    one a line. Raises ValueError for a clip of a repository that `reserved` lists.
    """
    paths = [*manifests, *(sorted(synthesis.glob(f"*/{SET_INDEX}")) if synthesis else ())]
    clips = [clip for path in paths for clip in read_manifest(path) if clip.label in LABELS]
    if reserved:
        check_reserved(clips, reserved)
    withheld = set(excluded.read_text("utf-8").split())
    return list({c.sha: c for c in reversed(clips) if c.sha not in withheld}.values())[::-1]

