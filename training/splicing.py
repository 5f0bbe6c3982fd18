"""Long recordings with a stretch of other speech in them, spoofed or real, as an editor makes them.

The stretch is brought to the level and the long-term spectrum of what surrounds it and cross-faded
at both ends, so that neither a jump nor a channel gives it away. Real stretches in real recordings
show what the splice itself does.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.signal import fftconvolve, firwin2, welch

from training.corpora import Corpus
from training.manifest import Clip
from training.recordings import Recording, join_by_speaker
from training.windows import seeded
from veravox.audio.canonical import SAMPLE_RATE, Samples

SHORTEST_SECONDS = 5.0
LONGEST_SECONDS = 15.0
MARGIN_SECONDS = 10.0
FADE_SECONDS = 0.02
TAPS = 257
MOST_DB = 12.0
NEIGHBOURHOOD_SECONDS = 3.0
MINUTES_PER_SPEAKER = 3


@dataclass(frozen=True, slots=True)
class Spliced:
    """A recording of `samples` with other speech from `start` to `end`, in seconds.

    `spoof` tells whether that is synthetic; `same_speaker` whether it is the host's voice.
    """

    host: Recording
    inserted: Clip
    samples: Samples
    start: float
    end: float
    same_speaker: bool

    @property
    def spoof(self) -> bool:
        """Whether what was inserted is synthetic."""
        return self.inserted.spoof


def hosts(clips: Sequence[Clip], corpus: Corpus) -> list[Recording]:
    """Minutes of bona fide speech, each of one speaker, three of a speaker at most."""
    return join_by_speaker(clips, corpus, MINUTES_PER_SPEAKER)


def splice_all(
    clips: Sequence[Clip], corpus: Corpus, *, spoof: bool, count: int
) -> Iterator[Spliced]:
    """`count` hosts, or as many as there are, each with a stretch of 5 to 15 s inserted.

    Of the host's speaker where there is such a clip, else of the host's source, else of any; a
    real stretch is never a part of its host.
    """
    donors = [
        clip
        for clip in clips
        if clip.spoof is spoof and not clip.synthetic and corpus.seconds(clip) >= SHORTEST_SECONDS
    ]
    by_speaker, by_repo = _grouped(donors)
    for host in hosts(clips, corpus)[:count]:
        speaker = host.clips[0].speaker
        for choice in (by_speaker[speaker], by_repo[host.repo], donors):
            usable = [clip for clip in choice if clip not in host.clips]
            if usable:
                yield splice(host, usable, corpus)
                break


def splice(host: Recording, donors: Sequence[Clip], corpus: Corpus) -> Spliced:
    """`host` with a stretch of one of `donors`, all chosen by the host's hash."""
    generator = seeded(host.clips[0], "splice")
    donor = donors[int(generator.integers(len(donors)))]
    around = np.concatenate([corpus.samples(clip) for clip in host.clips])
    longest = min(LONGEST_SECONDS, corpus.seconds(donor))
    length = round(generator.uniform(SHORTEST_SECONDS, longest) * SAMPLE_RATE)
    margin = round(MARGIN_SECONDS * SAMPLE_RATE)
    first = int(generator.integers(margin, around.size - margin))
    inserted = corpus.samples(donor, 0, length)
    return Spliced(
        host=host,
        inserted=donor,
        samples=insert(around, inserted, first),
        start=first / SAMPLE_RATE,
        end=(first + inserted.size) / SAMPLE_RATE,
        same_speaker=donor.speaker == host.clips[0].speaker,
    )


def insert(host: Samples, inserted: Samples, first: int) -> Samples:
    """`inserted` matched to `host` and put in at sample `first`; both at 16 kHz, (n,).

    The result is as long as both together less the two cross-fades.
    """
    matched = _in_channel_of(inserted, host)
    reach = round(NEIGHBOURHOOD_SECONDS * SAMPLE_RATE)
    near = host[max(0, first - reach) : first + reach]
    matched = matched * (_loudness(near) / _loudness(matched))
    fade = round(FADE_SECONDS * SAMPLE_RATE)
    rise = np.sin(np.linspace(0.0, np.pi / 2, fade)) ** 2
    before, after = host[:first].copy(), host[first:].copy()
    head = before[-fade:] * (1.0 - rise) + matched[:fade] * rise
    tail = matched[-fade:] * (1.0 - rise) + after[:fade] * rise
    parts = (before[:-fade], head, matched[fade:-fade], tail, after[fade:])
    return np.concatenate(parts).astype(np.float32)


def _in_channel_of(samples: Samples, other: Samples) -> Samples:
    """`samples` through a filter that gives them the long-term spectrum of `other`."""
    frequency, wanted = welch(other, SAMPLE_RATE, nperseg=512)
    _, found = welch(samples, SAMPLE_RATE, nperseg=512)
    smooth = np.ones(9) / 9
    ratio = np.convolve(10 * np.log10((wanted + 1e-12) / (found + 1e-12)), smooth, "same")
    ratio -= np.median(ratio)
    gain = 10 ** (np.clip(ratio, -MOST_DB, MOST_DB) / 20)
    taps = firwin2(TAPS, frequency, gain, fs=SAMPLE_RATE)
    return fftconvolve(samples, taps, mode="same").astype(np.float32)


def _loudness(samples: Samples) -> float:
    """The 80th percentile of the RMS of 20-ms frames: the level of speech, not of pauses."""
    frames = samples[: samples.size // 320 * 320].reshape(-1, 320)
    return float(np.percentile(np.sqrt(np.square(frames).mean(axis=1)), 80)) + 1e-6


def _grouped(clips: Sequence[Clip]) -> tuple[dict[str, list[Clip]], dict[str, list[Clip]]]:
    by_speaker: dict[str, list[Clip]] = defaultdict(list)
    by_repo: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        if clip.speaker:
            by_speaker[clip.speaker].append(clip)
        by_repo[clip.repo].append(clip)
    return by_speaker, by_repo
