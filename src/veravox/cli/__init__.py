"""The command `veravox`."""

from dataclasses import dataclass
from importlib import import_module
from typing import Annotated

import typer
import typer.main
from typer.core import TyperCommand, TyperGroup

from veravox import __version__

JUDGE = "Judge recordings on this machine"
SERVE = "Run a server"
MANAGE = "Look after a server"


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a command, or a group of them, is defined, and under which heading help lists it."""

    module: str
    attribute: str
    heading: str


COMMANDS = {
    "detect": Entry("detect", "detect", JUDGE),
    "voiceid": Entry("voiceid", "app", JUDGE),
    "scan": Entry("scan", "scan", JUDGE),
    "mcp": Entry("mcp", "mcp", JUDGE),
    "evaluate": Entry("evaluate", "evaluate", JUDGE),
    "calibrate": Entry("calibrate", "calibrate", JUDGE),
    "report": Entry("report", "report", JUDGE),
    "verify-report": Entry("report", "verify_report", JUDGE),
    "models": Entry("models", "app", JUDGE),
    "serve": Entry("serve", "serve", SERVE),
    "worker": Entry("worker", "worker", SERVE),
    "doctor": Entry("doctor", "doctor", SERVE),
    "keys": Entry("keys", "app", MANAGE),
    "users": Entry("users", "app", MANAGE),
    "jobs": Entry("jobs", "app", MANAGE),
    "webhooks": Entry("webhooks", "app", MANAGE),
    "report-keys": Entry("report", "report_keys", MANAGE),
}


class Commands(TyperGroup):
    """Imports a command's module when it is asked for, so that no command waits for the others."""

    def list_commands(self, ctx: object) -> list[str]:  # noqa: ARG002
        """The names, in the order of help."""
        return list(COMMANDS)

    def get_command(
        self,
        ctx: object,  # noqa: ARG002
        cmd_name: str,
    ) -> TyperCommand | TyperGroup | None:
        """The command or group, None for an unknown name."""
        entry = COMMANDS.get(cmd_name)
        return _command(cmd_name, entry) if entry else None


app = typer.Typer(
    name="veravox",
    cls=Commands,
    help="Is this voice genuine or synthetic?",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _command(name: str, entry: Entry) -> TyperCommand | TyperGroup | None:
    defined = getattr(import_module(f"veravox.cli.{entry.module}"), entry.attribute)
    parent = typer.Typer()
    if isinstance(defined, typer.Typer):
        parent.add_typer(defined, name=name, rich_help_panel=entry.heading)
    else:
        parent.command(name, rich_help_panel=entry.heading)(defined)
    command = typer.main.get_group(parent).commands[name]
    return command if isinstance(command, TyperCommand | TyperGroup) else None


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
