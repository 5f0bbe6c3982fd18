"""The recordings of the pictures: two of people, which are given, and the voice of the tests."""

from pathlib import Path

import av
import numpy as np

from tests.audio_factory import SPOKEN_RATE, Sound, encode, speech

SPOKEN, UNCLEAR, GENUINE, SPLICED = (
    "voicemail.wav",
    "conference-hall.wav",
    "interview.wav",
    "board-meeting.wav",
)
SECONDS = 40.0
INSERTED = slice(15 * SPOKEN_RATE, 25 * SPOKEN_RATE)


def write_recordings(folder: Path, genuine: Path, unclear: Path) -> None:
    """A synthesiser; two people; and the first of them with ten seconds of the synthesiser."""
    voice, person = speech(SECONDS), _loaded(genuine)
    spliced = person.copy()
    loudness = np.sqrt(np.mean(person**2) / np.mean(voice**2))
    spliced[:, INSERTED] = loudness * voice[:, INSERTED]
    sounds = {SPOKEN: voice, UNCLEAR: _loaded(unclear), GENUINE: person, SPLICED: spliced}
    for name, sound in sounds.items():
        (folder / name).write_bytes(encode(sound, SPOKEN_RATE))


def _loaded(recording: Path) -> Sound:
    """At most forty seconds of it, (1, n)."""
    resampler = av.AudioResampler("fltp", "mono", SPOKEN_RATE)
    with av.open(recording) as media:
        frames = [part for frame in media.decode(audio=0) for part in resampler.resample(frame)]
    sound = np.concatenate([f.to_ndarray() for f in (*frames, *resampler.resample(None))], axis=1)
    return sound[:, : int(SECONDS * SPOKEN_RATE)]
