"""`veravox evaluate`: error rates on labelled recordings.

The evaluation is imported when it runs: the server shares this command line and needs none of it.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer
from rich.progress import Progress

from veravox.analysis import Analyser, AnalysisOptions, open_analyser
from veravox.cli.console import err, fail, out, settings
from veravox.detection.calibration import spoof_probability
from veravox.errors import VeravoxError

if TYPE_CHECKING:
    from veravox.evaluation import ScoredFile

SHORTEST_SECONDS = 0.5
HEADLINES = ("eer", "auc", "cllr", "min_cllr", "accuracy", "bpcer", "apcer", "coverage")


def evaluate(
    manifest: Annotated[
        Path,
        typer.Argument(
            exists=True,
            dir_okay=False,
            help="CSV with path,label,system,family,source,speaker,language,condition; "
            "paths relative to it, label bonafide or spoof.",
        ),
    ],
    out_dir: Annotated[
        Path, typer.Option("--out", help="Folder for metrics.json, scores.csv, plots, report.md.")
    ],
    model: Annotated[str | None, typer.Option(help="Model id or alias.")] = None,
    threshold: Annotated[
        float | None, typer.Option(help="Decision threshold on the spoof probability, 0..1.")
    ] = None,
) -> None:
    """Score labelled recordings and report error rates, calibration and coverage.

    Recordings from 0.5 s on are scored here, although the API asks for 3 s.
    """
    from veravox.evaluation import evaluate as run_protocol

    config = settings()
    threads = config.scoring_threads
    try:
        options = AnalysisOptions(model, threshold, minimum_seconds=SHORTEST_SECONDS)
        with (
            open_analyser(
                config.models_dir, decoder_processes=threads, scoring_threads=threads
            ) as analyser,
            Progress(console=err, transient=True) as progress,
        ):
            task = progress.add_task("Scoring")
            metrics = run_protocol(
                manifest,
                out_dir,
                lambda media: _score(analyser, media, options),
                analyser.models.card(model),
                threshold=threshold,
                workers=threads,
                progress=lambda done, total: progress.update(task, completed=done, total=total),
            )
    except VeravoxError as error:
        fail(error.message)
    for name in HEADLINES:
        value = metrics[name]
        out.print(f"{name:10} {'-' if value is None else f'{value:.4f}'}", highlight=False)
    out.print(f"report     {out_dir / 'report.md'}", highlight=False)


def _score(analyser: Analyser, media: BinaryIO, options: AnalysisOptions) -> "ScoredFile":
    from veravox.evaluation import ScoredFile

    analysis = analyser.analyse(media, options)
    llr = analysis.verdict.spoof_llr
    return ScoredFile(
        spoof_llr=llr,
        spoof_probability=None if llr is None else spoof_probability(llr),
        result=analysis.verdict.result,
        reason=analysis.verdict.reason,
        seconds=analysis.duration,
    )
