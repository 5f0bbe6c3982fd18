"""Trials of two recordings: a CSV file, one trial a row, and what was made of them.

Columns: enrol and test (paths relative to the file), label (target, nontarget or spoof), and
optionally condition. Further columns are ignored.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

from veravox.errors import InvalidManifest

COLUMNS = ("enrol", "test", "label")
LABELS = ("target", "nontarget", "spoof")


@dataclass(frozen=True, slots=True)
class SpeakerTrial:
    """A row as written. A `spoof` claims to be the enrolled speaker and is none."""

    enrol: str
    test: str
    label: str
    condition: str


@dataclass(frozen=True, slots=True)
class Judged:
    """What was made of a trial.

    `llr`, positive = the same speaker, is None when a recording could not be used, with the
    `reason`. `accepted` is the joint decision, `decision` its name; `net_speech`: seconds of
    speech in the test.
    """

    llr: float | None
    accepted: bool
    decision: str
    reason: str | None
    net_speech: float | None


@dataclass(frozen=True, slots=True)
class Terms:
    """The encoder and the threshold, an LLR, that were frozen before the evaluation."""

    model_id: str
    model_sha256: str
    threshold: float
    false_match_rate: float


def read_trials(path: Path) -> list[SpeakerTrial]:
    """The rows of a UTF-8 CSV file, in order.

    Raises InvalidManifest, with the line, for a missing column, a blank path or an unknown label,
    and for a file that cannot be read or has no rows.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file, restval="", strict=True)
            missing = [name for name in COLUMNS if name not in (rows.fieldnames or ())]
            if missing:
                raise InvalidManifest(f"{path.name}: missing columns: {', '.join(missing)}")
            trials = [_trial(path.name, rows.line_num, row) for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidManifest(f"{path.name}: not a readable CSV file: {error}") from error
    if not trials:
        raise InvalidManifest(f"{path.name}: no trials are listed")
    return trials


def _trial(name: str, line: int, row: dict[str, str]) -> SpeakerTrial:
    trial = SpeakerTrial(
        enrol=row["enrol"].strip(),
        test=row["test"].strip(),
        label=row["label"].strip(),
        condition=row.get("condition", "").strip(),
    )
    if not trial.enrol or not trial.test:
        raise InvalidManifest(f"{name}, line {line}: a path is blank")
    if trial.label not in LABELS:
        choices = ", ".join(LABELS)
        raise InvalidManifest(f"{name}, line {line}: the label is none of {choices}")
    return trial
