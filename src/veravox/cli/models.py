"""`veravox models`: what is installed and how good it is."""

from typing import Annotated

import typer
from rich.table import Table

from veravox.cli.console import fail, out, settings
from veravox.detection.models import ModelRegistry
from veravox.errors import VeravoxError

app = typer.Typer(help="List the installed models and show their cards.", no_args_is_help=True)


@app.command("list")
def list_models() -> None:
    """List the installed models and their aliases."""
    table = Table("Model", "Created", "Aliases", "Calibration", "Description")
    for card in _installed().cards():
        aliases = ", ".join(card.aliases)
        name = card.calibration_name
        table.add_row(card.id, str(card.created), aliases, name, card.description)
    out.print(table)


@app.command()
def show(
    model: Annotated[
        str | None, typer.Argument(metavar="MODEL", help="Model id or alias. Default: stable.")
    ] = None,
) -> None:
    """Print a model's card as JSON: data, calibration, threshold, measured results."""
    try:
        card = _installed().resolve(model).card
    except VeravoxError as error:
        fail(error.message)
    out.print_json(card.model_dump_json())


def _installed() -> ModelRegistry:
    config = settings()
    try:
        return ModelRegistry(config.models_dir, config.calibration_file)
    except VeravoxError as error:
        fail(error.message)
