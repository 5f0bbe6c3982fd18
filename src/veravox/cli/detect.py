"""`veravox detect`: verdicts on files, without a server and without a key."""

import csv
import json
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress
from rich.table import Table

from veravox.analysis import Analyser, Analysis, AnalysisOptions, open_analyser
from veravox.archives.recordings import looks_like_media
from veravox.cli.console import err, fail, out, settings
from veravox.detection.calibration import spoof_probability
from veravox.detection.verdict import Result
from veravox.errors import InvalidRequest, VeravoxError

STYLES = {
    Result.BONAFIDE: "green",
    Result.SPOOFED: "bold red",
    Result.PARTIALLY_SPOOFED: "bold yellow",
}


class Format(StrEnum):
    """How results are written."""

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


def detect(
    paths: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Recordings, or folders with -r.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Short for --format json.")] = False,
    output: Annotated[
        Format | None,
        typer.Option("--format", help="Default: a table for a terminal, CSV for a pipe."),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(help="Spoof probability, 0..1, from which a recording counts as spoofed."),
    ] = None,
    silence_threshold: Annotated[
        float, typer.Option(help="Windows with more silence than this percentage are not scored.")
    ] = 80.0,
    model: Annotated[str | None, typer.Option(help="Model id or alias.")] = None,
    recursive: Annotated[
        bool, typer.Option("--recursive", "-r", help="Look for recordings inside folders.")
    ] = False,
) -> None:
    """Judge recordings on this machine: no server, no key, nothing leaves.

    Exit code: 0 when every recording is bona fide; 1 when at least one is spoofed or partially
    spoofed; 2 when none is, but at least one has no verdict (undetermined, unreadable, missing).
    """
    try:
        options = AnalysisOptions(model, threshold, silence_threshold)
    except InvalidRequest as error:
        fail(error.message)
    files = list(_expand(paths, recursive=recursive))
    if not files:
        fail("no recordings found")
    chosen = Format.JSON if as_json else output or (Format.TABLE if out.is_terminal else Format.CSV)
    config = settings()
    threads = config.scoring_threads
    with open_analyser(
        config.models_dir,
        decoder_processes=threads,
        scoring_threads=threads,
        calibration=config.calibration_file,
    ) as analyser:
        detections = _with_progress(_analyse_all(analyser, files, options, threads), len(files))
        codes = {_code(detection) for detection in WRITERS[chosen](detections)}
    raise typer.Exit(1 if 1 in codes else max(codes))


def _expand(paths: Iterable[Path], *, recursive: bool) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            if not recursive:
                fail(f"{path} is a folder; add --recursive to look inside")
            yield from sorted(
                item for item in path.rglob("*") if looks_like_media(item.name) and item.is_file()
            )
        else:
            yield path


def _analyse_all(
    analyser: Analyser, files: list[Path], options: AnalysisOptions, threads: int
) -> Iterator[Detection]:
    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(partial(_analyse, analyser, options=options), files)


def _analyse(analyser: Analyser, path: Path, options: AnalysisOptions) -> Detection:
    try:
        with path.open("rb") as media:
            return Detection(path, analyser.analyse(media, options), None)
    except VeravoxError as error:
        return Detection(path, None, error.message)
    except OSError as error:
        return Detection(path, None, error.strerror or "cannot be read")


def _with_progress(detections: Iterator[Detection], total: int) -> Iterator[Detection]:
    if total == 1 or not err.is_terminal:
        yield from detections
        return
    with Progress(console=err, transient=True) as progress:
        yield from progress.track(detections, total=total, description="Listening")


def _code(detection: Detection) -> int:
    if detection.result is None:
        return 2
    return 0 if detection.result is Result.BONAFIDE else 1


def _write_table(detections: Iterator[Detection]) -> Iterator[Detection]:
    table = Table("Recording", "Verdict", "Spoof probability", "Seconds", "Note")
    for detection in detections:
        probability, analysis = detection.probability, detection.analysis
        style = STYLES[detection.result] if detection.result else "dim"
        table.add_row(
            str(detection.path),
            f"[{style}]{detection.result or 'no verdict'}[/]",
            "" if probability is None else f"{probability:.3f}",
            f"{analysis.duration:.1f}" if analysis else "",
            detection.reason or (" ".join(analysis.warnings) if analysis else ""),
        )
        yield detection
    out.print(table)


def _write_csv(detections: Iterator[Detection]) -> Iterator[Detection]:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(("path", "result", "spoof_probability", "spoof_llr", "duration", "reason"))
    for detection in detections:
        writer.writerow(
            (
                detection.path,
                detection.result or "",
                "" if detection.probability is None else f"{detection.probability:.6f}",
                "" if detection.spoof_llr is None else f"{detection.spoof_llr:.6f}",
                f"{detection.analysis.duration:.3f}" if detection.analysis else "",
                detection.reason or "",
            )
        )
        yield detection


def _write_json(detections: Iterator[Detection]) -> Iterator[Detection]:
    for detection in detections:
        typer.echo(json.dumps(_as_json(detection)))
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


WRITERS = {Format.TABLE: _write_table, Format.CSV: _write_csv, Format.JSON: _write_json}
