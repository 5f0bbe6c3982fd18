"""`veravox calibrate`: fit calibration, threshold and band on an operator's own audio.

The evaluation is imported when it runs: the server shares this command line and needs none of it.
"""

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress
from rich.table import Table

from veravox.analysis import AnalysisOptions, open_analyser
from veravox.cli.console import err, fail, out, settings
from veravox.cli.evaluate import SHORTEST_SECONDS, score_file
from veravox.detection.site import SiteCalibration, write_site_calibration
from veravox.errors import VeravoxError

ROWS = ("eer", "cllr", "min_cllr", "apcer", "bpcer", "coverage", "selective_error")


def calibrate(
    manifest: Annotated[
        Path,
        typer.Argument(
            exists=True,
            dir_okay=False,
            help="CSV as for `veravox evaluate`: your own recordings, labelled bonafide or spoof.",
        ),
    ],
    out_file: Annotated[
        Path, typer.Option("--out", dir_okay=False, help="The calibration file to write.")
    ],
    model: Annotated[str | None, typer.Option(help="Model id or alias.")] = None,
) -> None:
    """Fit a model's calibration, threshold and indecision band on labelled recordings.

    The file that is written is bound to the model's hash; `VERAVOX_CALIBRATION_FILE` puts it in
    force. Refused, with exit code 2, when there is too little of either class or they do not
    separate.
    """
    from veravox.evaluation.calibrate import calibrate as fit
    from veravox.evaluation.protocol import judge

    config = settings()
    threads = config.scoring_threads
    try:
        options = AnalysisOptions(model, minimum_seconds=SHORTEST_SECONDS)
        with (
            open_analyser(
                config.models_dir, decoder_processes=threads, scoring_threads=threads
            ) as analyser,
            Progress(console=err, transient=True) as progress,
        ):
            bar = progress.add_task("Scoring")
            trials = judge(
                manifest,
                lambda media: score_file(analyser, media, options),
                workers=threads,
                progress=lambda done, total: progress.update(bar, completed=done, total=total),
            )
            site = fit(trials, analyser.models.card(model), manifest)
    except VeravoxError as error:
        fail(error.message)
    write_site_calibration(site, out_file)
    _print(site, out_file)


def _print(site: SiteCalibration, path: Path) -> None:
    table = Table("", "model's own", "this one, cross-fitted")
    for name in ROWS:
        before, after = site.measured["before"].get(name), site.measured["after"].get(name)
        table.add_row(name, _number(before), _number(after))
    out.print(table)
    out.print(
        f"{site.reference.id}: {site.data.n_bonafide} bona fide, {site.data.n_spoof} spoof; "
        f"threshold {site.threshold:.3f}; written to {path}",
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
