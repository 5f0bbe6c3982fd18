"""Which clips teach the speaker encoder, who speaks in them, and what is kept for measuring.

Held out, with every clip of theirs wherever it lies: the manifests' dev speakers, the LibriSpeech
test-clean speakers of one source, three more of nEMO's actors and five more speakers of BAVED.
Speech of nobody by name is used only from sources that recorded it themselves, so that nobody who
is held out hides among the nameless; synthetic speech only where the imitated person is named.
"""

import re
from collections import defaultdict
from collections.abc import Sequence

from training.manifest import Clip

LIBRISPEECH = "pauliano22/deepfake-audio-m2"
NEMO = "amu-cai/nEMO"
BAVED = "40uf411/Basic-Arabic-Vocal-Emotions-Dataset"
TRIAL_SOURCES = {"librispeech": LIBRISPEECH, "nemo": NEMO, "baved": BAVED}
ALSO_HELD_OUT = (
    *("nEMO_MK0", "nEMO_KS0", "nEMO_WR0"),
    *("BAVED_46", "BAVED_47", "BAVED_51", "BAVED_54", "BAVED_102"),
)
NAMELESS = (
    "antonisa/griko-italian-parallel-corpus",
    "cognitivespeech/cognitivespeech.github.io",
    "langcog/manybabies_norming",
    "LingConLab/listen_to_mari",
    "MycroftAI/Precise-Community-Data",
    "Picovoice/speech-to-intent-benchmark",
    "Picovoice/wake-word-benchmark",
    "tyiannak/pyAudioAnalysis",
    "Xeonen/TurEV-DB",
)
PER_PERSON = 40
MOST_NAMELESS = 1_100
MOST_SYNTHETIC = 1_100


_READER = re.compile(r"(?:LS|MLS_)0*(\d+)")
_SESSIONS = {
    LIBRISPEECH: re.compile(r"/(\d+-\d+)-\d+\.flac$"),
    NEMO: re.compile(r"_([a-z]+)_\d+\.wav$"),
}


def person(speaker: str) -> str:
    """Who a named speaker is: readers of LibriVox have one number in LibriSpeech and in MLS."""
    reader = _READER.fullmatch(speaker)
    return f"LibriVox {reader[1]}" if reader else speaker


def held_out(clips: Sequence[Clip]) -> frozenset[str]:
    """The persons of whom nothing is used in training."""
    named = {
        person(clip.speaker)
        for clip in clips
        if clip.speaker and (clip.split == "dev" or clip.repo == LIBRISPEECH)
    }
    return frozenset(named | set(ALSO_HELD_OUT))


def material(clips: Sequence[Clip], without: frozenset[str]) -> list[Clip]:
    """The clips to train on: genuine ones of named persons, nameless ones, synthetic ones.

    Nothing of the persons in `without`, and at most forty clips of a person: first one of
    everybody, then another one, and so on.
    """
    allowed = [
        clip
        for clip in sorted(clips, key=lambda c: c.sha)
        if clip.split == "train" and person(clip.speaker) not in without
    ]
    named = [clip for clip in allowed if clip.speaker and not clip.spoof]
    nameless = [
        clip for clip in allowed if clip.repo in NAMELESS and not clip.speaker and not clip.spoof
    ]
    synthetic = [clip for clip in allowed if clip.speaker and clip.spoof and not clip.synthetic]
    return [
        *_in_turns(named, PER_PERSON),
        *nameless[:MOST_NAMELESS],
        *_in_turns(synthetic, PER_PERSON)[:MOST_SYNTHETIC],
    ]


def _in_turns(clips: Sequence[Clip], most: int) -> list[Clip]:
    """The first clip of everybody, then the second one, and so on up to `most`."""
    turns: dict[str, int] = defaultdict(int)
    ordered: list[tuple[int, int, Clip]] = []
    for place, clip in enumerate(clips):
        turns[person(clip.speaker)] += 1
        ordered.append((turns[person(clip.speaker)], place, clip))
    return [clip for turn, _, clip in sorted(ordered, key=lambda o: o[:2]) if turn <= most]


def trial_clips(clips: Sequence[Clip], corpus: str) -> list[Clip]:
    """The genuine clips of the held-out speakers of ``librispeech``, ``nemo`` or ``baved``."""
    without = held_out(clips)
    source = TRIAL_SOURCES[corpus]
    return [c for c in clips if c.repo == source and person(c.speaker) in without and not c.spoof]


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
