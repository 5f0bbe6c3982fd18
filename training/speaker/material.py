"""Which clips teach the speaker encoder, who speaks in them, and what is kept for measuring.

Held out, with every clip of theirs wherever it lies: the manifest's dev speakers, the LibriSpeech
test-clean speakers of one source, three more of nEMO's actors and five more speakers of BAVED. A
speaker is a class of its own only when the manifest names the speaker.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from training.manifest import Clip

LIBRISPEECH = "pauliano22/deepfake-audio-m2"
NEMO = "amu-cai/nEMO"
BAVED = "40uf411/Basic-Arabic-Vocal-Emotions-Dataset"
TRIAL_SOURCES = {"librispeech": LIBRISPEECH, "nemo": NEMO, "baved": BAVED}
ALSO_HELD_OUT = (
    *("nEMO_MK0", "nEMO_KS0", "nEMO_WR0"),
    *("BAVED_46", "BAVED_47", "BAVED_51", "BAVED_54", "BAVED_102"),
)
LABELS = ("bonafide", "spoof")
PER_SYSTEM = 60
LONGEST_KNOWN = 18.0
LONGEST_UNKNOWN = 6.0

_SESSIONS = {
    LIBRISPEECH: re.compile(r"/(\d+-\d+)-\d+\.flac$"),
    NEMO: re.compile(r"_([a-z]+)_\d+\.wav$"),
}


@dataclass(frozen=True, slots=True)
class Material:
    """Clips for training, and the names of the speakers that are classes."""

    clips: list[Clip]
    speakers: list[str]


def held_out_speakers(clips: Sequence[Clip]) -> frozenset[str]:
    """The named speakers of whom nothing is used in training."""
    named = {
        clip.speaker
        for clip in clips
        if clip.speaker and (clip.split == "dev" or clip.repo == LIBRISPEECH)
    }
    return frozenset(named | set(ALSO_HELD_OUT))


def material(clips: Sequence[Clip]) -> Material:
    """What is trained on: all genuine speech, and up to 60 clips of each spoof system."""
    held_out = held_out_speakers(clips)
    allowed = [
        clip
        for clip in clips
        if clip.split == "train" and clip.label in LABELS and clip.speaker not in held_out
    ]
    by_system: dict[str, list[Clip]] = defaultdict(list)
    for clip in sorted(allowed, key=lambda c: c.sha):
        if clip.spoof:
            by_system[clip.system].append(clip)
    spoofs = [clip for members in by_system.values() for clip in members[:PER_SYSTEM]]
    genuine = [clip for clip in allowed if not clip.spoof]
    chosen = sorted(genuine + spoofs, key=lambda c: c.sha)
    return Material(chosen, sorted({clip.speaker for clip in genuine if clip.speaker}))


def longest(clip: Clip) -> float:
    """How many seconds of speech of the clip are of use; more of those with a known speaker."""
    return LONGEST_KNOWN if clip.speaker and not clip.spoof else LONGEST_UNKNOWN


def trial_clips(clips: Sequence[Clip], corpus: str) -> list[Clip]:
    """The genuine clips of the held-out speakers of ``librispeech``, ``nemo`` or ``baved``."""
    held_out = held_out_speakers(clips)
    source = TRIAL_SOURCES[corpus]
    return [c for c in clips if c.repo == source and c.speaker in held_out and not c.spoof]


def session(clip: Clip) -> str:
    """Chapter or emotion of a trial clip; BAVED's clips of single words count as one session.

    Raises ValueError for another clip.
    """
    if clip.repo == BAVED:
        return ""
    found = _SESSIONS[clip.repo].search(clip.path)
    if not found:
        raise ValueError(f"{clip.path}: no session in the name")
    return found[1]
