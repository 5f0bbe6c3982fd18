"""`veravox detect`: verdicts on files, without a server and without a key."""

from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from veravox.analysis import Analyser, AnalysisOptions, open_analyser
from veravox.archives.recordings import looks_like_media
from veravox.cli.console import err, fail, out, settings
from veravox.cli.detections import WRITERS, Detection, Format
from veravox.cli.watch import FolderWatch
from veravox.detection.verdict import Result
from veravox.errors import InvalidRequest, VeravoxError


def detect(
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE", help="Recordings, or folders with -r.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Short for --format json.")] = False,
    output: Annotated[
        Format | None,
        typer.Option("--format", help="Default: timelines for a terminal, CSV for a pipe."),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            help="Spoof probability, 0 to 1, from which a recording counts as spoofed. "
            "Default: the model's own."
        ),
    ] = None,
    silence_threshold: Annotated[
        float, typer.Option(help="Segments with more silence than this percentage are not scored.")
    ] = 80.0,
    model: Annotated[
        str | None, typer.Option(help="Model id or alias, as `veravox models list` shows them.")
    ] = None,
    recursive: Annotated[
        bool, typer.Option("--recursive", "-r", help="Look for recordings inside folders.")
    ] = False,
    watch: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            exists=True,
            file_okay=False,
            help="Judge what is in this folder and whatever arrives there, until Ctrl-C.",
        ),
    ] = None,
) -> None:
    """Judge recordings on this machine; nothing is sent anywhere.

    Exit code: 0 when every recording is bona fide; 1 when at least one is spoofed or partially
    spoofed; 2 when none is, but at least one has no verdict (undetermined, unreadable, missing).
    """
    try:
        options = AnalysisOptions(model, threshold, silence_threshold)
    except InvalidRequest as error:
        fail(error.message)
    if (watch is None) == (not paths):
        fail("name recordings, or a folder with --watch")
    chosen = Format.JSON if as_json else output or _default_format()
    if watch is not None and chosen is Format.TABLE:
        fail("a table needs an end; use another format with --watch")
    with _analyser() as (analyser, threads):
        if watch is None:
            detections = _judge_all(analyser, paths or [], options, threads, recursive=recursive)
        else:
            detections = _judge_arriving(analyser, watch, options, recursive=recursive)
        codes = set[int]()
        with _until_interrupted(watch is not None):
            for detection in WRITERS[chosen](detections):
                codes.add(_code(detection))
    raise typer.Exit(1 if 1 in codes else max(codes, default=0))


def _default_format() -> Format:
    return Format.TIMELINE if out.is_terminal else Format.CSV


@contextmanager
def _analyser() -> Generator[tuple[Analyser, int]]:
    """An analyser as the settings say, and how many recordings it takes at a time."""
    config = settings()
    threads = config.scoring_threads
    with open_analyser(
        config.models_dir,
        decoder_processes=threads,
        scoring_threads=threads,
        calibration=config.calibration_file,
    ) as analyser:
        yield analyser, threads


def _judge_all(
    analyser: Analyser,
    paths: list[Path],
    options: AnalysisOptions,
    threads: int,
    *,
    recursive: bool,
) -> Iterator[Detection]:
    files = list(_expand(paths, recursive=recursive))
    if not files:
        fail("no recordings found")
    yield from _with_progress(_analyse_all(analyser, files, options, threads), len(files))


def _judge_arriving(
    analyser: Analyser, folder: Path, options: AnalysisOptions, *, recursive: bool
) -> Iterator[Detection]:
    err.print("[dim]Watching; Ctrl-C ends it.[/]")
    for path in FolderWatch(folder, recursive=recursive).recordings():
        yield _analyse(analyser, path, options)


@contextmanager
def _until_interrupted(endless: bool) -> Generator[None]:
    """Ctrl-C is the regular end of what is endless."""
    try:
        yield
    except KeyboardInterrupt:
        if not endless:
            raise
        err.print("[dim]Ended.[/]")


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
