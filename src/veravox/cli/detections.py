"""How `veravox detect` shows its verdicts: to people as timelines or a table, to programs."""

import csv
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from veravox.analysis import Analysis
from veravox.cli.console import out, printable
from veravox.cli.timeline import timeline
from veravox.detection.calibration import spoof_probability
from veravox.detection.verdict import Result

STYLES = {
    Result.BONAFIDE: "bold green",
    Result.SPOOFED: "bold red",
    Result.PARTIALLY_SPOOFED: "bold yellow",
}
WORDS = {
    Result.BONAFIDE: "bona fide",
    Result.SPOOFED: "spoofed",
    Result.PARTIALLY_SPOOFED: "partially spoofed",
}


class Format(StrEnum):
    """How results are written."""

    TIMELINE = "timeline"
    TABLE = "table"
    CSV = "csv"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Detection:
    """One file with its analysis, or with the reason why there is none."""

    path: Path
    analysis: Analysis | None
    error: str | None

    @property
    def result(self) -> Result | None:
        """The conclusion, None where there is none."""
        return self.analysis.verdict.result if self.analysis else None

    @property
    def reason(self) -> str | None:
        """Why there is no conclusion."""
        return self.analysis.verdict.reason if self.analysis else self.error

    @property
    def spoof_llr(self) -> float | None:
        """The file's score, positive = spoof."""
        return self.analysis.verdict.spoof_llr if self.analysis else None

    @property
    def probability(self) -> float | None:
        """The file's spoof probability, 0..1."""
        return None if self.spoof_llr is None else spoof_probability(self.spoof_llr)

    @property
    def duration(self) -> float | None:
        """Seconds of the recording."""
        return self.analysis.duration if self.analysis else None

    @property
    def note(self) -> str:
        """What a person should know beside the verdict."""
        warnings = self.analysis.warnings if self.analysis else ()
        return " ".join(part for part in (self.reason, *warnings) if part)


Writer = Callable[[Iterable[Detection]], Iterator[Detection]]


def _write_timelines(detections: Iterable[Detection]) -> Iterator[Detection]:
    for detection in detections:
        out.print(_block(detection))
        yield detection


def _block(detection: Detection) -> Group:
    """Two lines: the file and its verdict, and below them its parts in time, with what to note."""
    heading = Text.assemble(
        (printable(str(detection.path)), "bold"), "  ", _verdict(detection), _numbers(detection)
    )
    lines = [heading]
    analysis = detection.analysis
    if analysis is not None:
        channels = [part.segments for part in analysis.channels] or [analysis.segments]
        for number, segments in enumerate(channels):
            label = f"channel {number}  " if analysis.channels else ""
            lines.append(timeline(segments, analysis.threshold, out, label))
    if detection.note:
        lines.append(Text(f"  {printable(detection.note)}", "dim"))
    return Group(*lines)


def _verdict(detection: Detection) -> Text:
    if detection.result is None:
        return Text("no verdict", "bold magenta")
    return Text(WORDS[detection.result], STYLES[detection.result])


def _numbers(detection: Detection) -> str:
    probability = detection.probability
    spoof = "" if probability is None else f"  spoof probability {probability:.3f}"
    seconds = "" if detection.duration is None else f"  {detection.duration:.1f} s"
    return spoof + seconds


def _write_table(detections: Iterable[Detection]) -> Iterator[Detection]:
    table = Table("Recording", "Verdict", "Spoof probability", "Seconds", "Note")
    for detection in detections:
        table.add_row(
            Text(printable(str(detection.path))),
            _verdict(detection),
            "" if detection.probability is None else f"{detection.probability:.3f}",
            "" if detection.duration is None else f"{detection.duration:.1f}",
            Text(printable(detection.note)),
        )
        yield detection
    out.print(table)


def _write_csv(detections: Iterable[Detection]) -> Iterator[Detection]:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(("path", "result", "spoof_probability", "spoof_llr", "duration", "reason"))
    for detection in detections:
        writer.writerow(
            (
                detection.path,
                detection.result or "",
                "" if detection.probability is None else f"{detection.probability:.6f}",
                "" if detection.spoof_llr is None else f"{detection.spoof_llr:.6f}",
                "" if detection.duration is None else f"{detection.duration:.3f}",
                detection.reason or "",
            )
        )
        sys.stdout.flush()
        yield detection


def _write_json(detections: Iterable[Detection]) -> Iterator[Detection]:
    for detection in detections:
        typer.echo(json.dumps(_as_json(detection), default=datetime.isoformat))
        yield detection


def _as_json(detection: Detection) -> dict[str, Any]:
    return {
        "path": str(detection.path),
        "result": detection.result,
        "reason": detection.reason,
        "spoof_llr": detection.spoof_llr,
        "spoof_probability": detection.probability,
        "analysis": asdict(detection.analysis) if detection.analysis else None,
    }


WRITERS: dict[Format, Writer] = {
    Format.TIMELINE: _write_timelines,
    Format.TABLE: _write_table,
    Format.CSV: _write_csv,
    Format.JSON: _write_json,
}
