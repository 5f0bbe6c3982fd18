"""`python -m benchmarks.speaker_trials MANIFEST OUT`: trials of voices from labelled recordings.

MANIFEST is one of `veravox evaluate` whose rows name speakers. For every speaker of a source the
first recordings are joined to an enrolment of at least 10 s, or of all but one recording where
there is less, and the others, joined to at least 4 s, are tests: `target` against their own
speaker, `nontarget` against the source's other speakers. A spoof that imitates a speaker is a
`spoof` trial of that speaker. OUT gets `trials.csv` and the joined recordings as WAV files.
"""

import argparse
import csv
import wave
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from veravox.audio.canonical import SAMPLE_RATE, Samples, canonicalise, level
from veravox.audio.decode import DecodeLimits
from veravox.audio.reader import read_media
from veravox.audio.sniff import HEAD_BYTES, sniff

ENROL_SECONDS = 10.0
TEST_SECONDS = 4.0

Row = dict[str, str]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speaker_trials")
    parser.add_argument("manifest", type=Path, help="CSV of `veravox evaluate`, with speakers")
    parser.add_argument("out", type=Path, help="folder for trials.csv and the recordings")
    arguments = parser.parse_args()
    with arguments.manifest.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["speaker"]]
    arguments.out.mkdir(parents=True, exist_ok=True)
    with (arguments.out / "trials.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("enrol", "test", "label", "condition"))
        writer.writerows(_trials(rows, arguments.manifest.parent, arguments.out))


def _trials(rows: Sequence[Row], folder: Path, out: Path) -> Iterator[tuple[str, str, str, str]]:
    """(enrol, test, label, condition); the condition is the source."""
    genuine: dict[tuple[str, str], list[Samples]] = defaultdict(list)
    for row in rows:
        if row["label"] == "bonafide":
            genuine[row["source"], row["speaker"]].append(_read(folder / row["path"]))
    enrolments: dict[tuple[str, str], str] = {}
    tests: dict[tuple[str, str], list[str]] = {}
    for (source, speaker), recordings in sorted(genuine.items()):
        count = _enough(recordings, ENROL_SECONDS, len(recordings) - 1)
        name = f"{source.replace('/', '+')}-{speaker}"
        joined = [np.concatenate(recordings[:count]), *_joined(recordings[count:])]
        paths = [_write(out / f"{name}-{n}.wav", voice) for n, voice in enumerate(joined)]
        enrolments[source, speaker], tests[source, speaker] = paths[0], paths[1:]
    for (source, speaker), enrol in enrolments.items():
        for (other_source, other), paths in tests.items():
            if other_source == source:
                label = "target" if other == speaker else "nontarget"
                yield from ((enrol, path, label, source) for path in paths)
    for row in rows:
        imitated = [key for key in enrolments if key[1] == row["speaker"]]
        if row["label"] == "spoof" and imitated:
            path = _write(
                out / Path(row["path"]).with_suffix(".wav").name, _read(folder / row["path"])
            )
            yield enrolments[imitated[0]], path, "spoof", row["source"]


def _enough(recordings: Sequence[Samples], seconds: float, most: int) -> int:
    """How many of the first recordings have so many seconds; at least one, and at most `most`."""
    lengths = np.cumsum([recording.size for recording in recordings]) / SAMPLE_RATE
    return max(1, min(most, int(np.searchsorted(lengths, seconds)) + 1))


def _joined(recordings: Sequence[Samples]) -> list[Samples]:
    """Neighbouring recordings joined to at least `TEST_SECONDS`, the last ones to what is left."""
    groups: list[Samples] = []
    left = list(recordings)
    while left:
        count = _enough(left, TEST_SECONDS, len(left))
        groups.append(np.concatenate(left[:count]))
        left = left[count:]
    return groups


def _read(path: Path) -> Samples:
    """Levelled mono samples at 16 kHz."""
    with path.open("rb") as file:
        container = sniff(file.read(HEAD_BYTES))
        file.seek(0)
        blocks = list(read_media(file, container, DecodeLimits()))
    samples = np.concatenate([block.samples.mean(axis=0) for block in blocks])
    return level(canonicalise(samples, blocks[0].sample_rate))


def _write(path: Path, samples: Samples) -> str:
    """Writes a 16-bit WAV file; returns its name."""
    pcm = np.round(np.clip(samples, -1.0, 1.0) * 32_767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(pcm.tobytes())
    return path.name


if __name__ == "__main__":
    main()
