"""`veravox scan`: verdicts on a whole archive, as one table.

What only this command needs is imported when it runs: the server shares this command line.
"""

from collections import Counter
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from veravox.analysis import AnalysisOptions
from veravox.archives.opening import open_archive
from veravox.archives.score import Task
from veravox.cli.console import err, fail, settings
from veravox.detection.models import ModelRegistry
from veravox.errors import VeravoxError
from veravox.settings import Settings

if TYPE_CHECKING:
    from veravox.archives.engines import Engine
    from veravox.archives.scan import Scan


class EngineName(StrEnum):
    """Where recordings are scored."""

    LOCAL = "local"
    RAY = "ray"


def scan(
    place: Annotated[
        str,
        typer.Argument(
            metavar="PATH|s3://BUCKET/PREFIX", help="Folder or bucket; all below it is scored."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Parquet file for the scores, a row for a recording.")],
    engine: Annotated[
        EngineName, typer.Option(help="Score on this machine or on a Ray cluster.")
    ] = EngineName.LOCAL,
    ray_address: Annotated[
        str | None,
        typer.Option(help="Ray cluster such as host:6379. Default: RAY_ADDRESS or this machine."),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(help="Spoof probability, 0 to 1, from which a recording counts as spoofed."),
    ] = None,
    silence_threshold: Annotated[
        float, typer.Option(help="Segments with more silence than this percentage are not scored.")
    ] = 80.0,
    model: Annotated[str | None, typer.Option(help="Model id or alias.")] = None,
) -> None:
    """Score all recordings of a folder or of S3, however many, into one Parquet file.

    A scan that was interrupted or killed goes on where it was when the same command is given
    again; recordings that are scored already are not scored twice.
    """
    config = settings()
    try:
        from veravox.archives.scan import Scan, ScanOptions
    except ModuleNotFoundError:
        fail("scan needs: pip install veravox[scan]")
    try:
        card = ModelRegistry(config.models_dir, config.calibration_file).card(model)
        analysis = AnalysisOptions(card.id, threshold, silence_threshold)
        task = Task(
            open_archive(place, config.storage_endpoint),
            analysis,
            config.models_dir,
            config.calibration_file,
        )
        described = ScanOptions(task.archive, card.id, analysis, card.calibration_name)
        with Scan.open(out, described) as begun:
            _run(begun, _engine(engine, task, ray_address, config))
    except VeravoxError as error:
        fail(error.message)
    except OSError as error:
        fail(f"{out}: {error.strerror}")
    err.print(f"written to {out}")


def _engine(name: EngineName, task: Task, ray_address: str | None, config: Settings) -> "Engine":
    if name is EngineName.LOCAL:
        from veravox.archives.engines.local import LocalEngine

        return LocalEngine(task, config.scoring_threads)
    try:
        from veravox.archives.engines.on_ray import RayEngine
    except ModuleNotFoundError:
        fail("--engine ray needs: pip install veravox[ray]")
    return RayEngine(task, ray_address)


def _run(scan: "Scan", engine: "Engine") -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns, TimeRemainingColumn(), console=err, transient=True, disable=not err.is_terminal
    ) as progress:
        bar = progress.add_task("Listing", total=None)
        left_out = _list(scan, progress, bar)
        tally = scan.tally
        if tally.scored:
            err.print(f"{tally.scored} of {tally.known} were scored before")
        progress.update(bar, description="Scoring", total=tally.known, completed=tally.scored)
        results: Counter[str] = Counter()
        for row in scan.score(engine):
            results["failed" if row.failed else row.result or "no verdict"] += 1
            progress.advance(bar)
    scan.write()
    for name, count in sorted(results.items()):
        err.print(f"{name:18} {count}")
    if left_out:
        files = "file" if left_out == 1 else "files"
        err.print(f"{left_out} {files} without the name of a recording left out")


def _list(scan: "Scan", progress: Progress, bar: TaskID) -> int:
    """How many files are no recordings."""
    for tally in scan.list():
        progress.update(bar, completed=tally.known)
    return scan.left_out
