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
    table = Table("Model", "Created", "Aliases", "Description")
    for card in ModelRegistry(settings().models_dir).cards():
        table.add_row(card.id, str(card.created), ", ".join(card.aliases), card.description)
    out.print(table)


@app.command()
def show(
    model: Annotated[
        str | None, typer.Argument(metavar="MODEL", help="Model id or alias. Default: stable.")
    ] = None,
) -> None:
    """Print a model's card as JSON: data, calibration, threshold, measured results."""
    try:
        card = ModelRegistry(settings().models_dir).resolve(model).card
    except VeravoxError as error:
        fail(error.message)
    out.print_json(card.model_dump_json())
