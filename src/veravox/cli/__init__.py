"""The command `veravox`."""

from typing import Annotated

import typer

from veravox import __version__
from veravox.cli import (
    detect,
    doctor,
    evaluate,
    jobs,
    keys,
    models,
    report,
    scan,
    serve,
    voiceid,
    webhooks,
    worker,
)

app = typer.Typer(
    name="veravox",
    help="Is this voice genuine or synthetic?",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(serve.serve)
app.command()(worker.worker)
app.command()(detect.detect)
app.command()(scan.scan)
app.command()(evaluate.evaluate)
app.command()(report.report)
app.command()(report.verify_report)
app.command()(report.report_keys)
app.command()(doctor.doctor)
app.add_typer(keys.app, name="keys")
app.add_typer(jobs.app, name="jobs")
app.add_typer(webhooks.app, name="webhooks")
app.add_typer(models.app, name="models")
app.add_typer(voiceid.app, name="voiceid")


def _print_version(value: bool) -> None:
    if value:
        typer.echo(f"veravox {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line."""
    app()
