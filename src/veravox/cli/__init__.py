"""The command `veravox`."""

from typing import Annotated

import typer

from veravox import __version__
from veravox.cli import (
    calibrate,
    detect,
    doctor,
    evaluate,
    jobs,
    keys,
    mcp,
    models,
    report,
    scan,
    serve,
    users,
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
JUDGE = "Judge recordings on this machine"
SERVE = "Run a server"
MANAGE = "Look after a server"

app.command(rich_help_panel=JUDGE)(detect.detect)
app.add_typer(voiceid.app, name="voiceid", rich_help_panel=JUDGE)
app.command(rich_help_panel=JUDGE)(scan.scan)
app.command(rich_help_panel=JUDGE)(mcp.mcp)
app.command(rich_help_panel=JUDGE)(evaluate.evaluate)
app.command(rich_help_panel=JUDGE)(calibrate.calibrate)
app.command(rich_help_panel=JUDGE)(report.report)
app.command(rich_help_panel=JUDGE)(report.verify_report)
app.add_typer(models.app, name="models", rich_help_panel=JUDGE)
app.command(rich_help_panel=SERVE)(serve.serve)
app.command(rich_help_panel=SERVE)(worker.worker)
app.command(rich_help_panel=SERVE)(doctor.doctor)
app.add_typer(keys.app, name="keys", rich_help_panel=MANAGE)
app.add_typer(users.app, name="users", rich_help_panel=MANAGE)
app.add_typer(jobs.app, name="jobs", rich_help_panel=MANAGE)
app.add_typer(webhooks.app, name="webhooks", rich_help_panel=MANAGE)
app.command(rich_help_panel=MANAGE)(report.report_keys)


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
