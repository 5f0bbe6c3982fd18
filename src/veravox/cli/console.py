"""How every command talks: results to standard output, everything else to standard error."""

from typing import NoReturn

import typer
from rich.console import Console
from rich.markup import escape

from veravox.settings import InvalidSettings, Settings, load_settings

PIPED_COLUMNS = 200
"""Width where there is no terminal, so that tables in files and pipes keep whole names."""


out = Console(highlight=False)
if not out.is_terminal:
    out.width = PIPED_COLUMNS
err = Console(stderr=True, highlight=False, soft_wrap=True)


def fail(message: str) -> NoReturn:
    """Say what is wrong and end with exit code 2."""
    err.print(f"[bold red]error:[/] {escape(message)}")
    raise typer.Exit(2)


def settings(**overrides: object) -> Settings:
    """The settings in force; ends the command with a clear message where they are invalid."""
    try:
        return load_settings(**overrides)
    except InvalidSettings as error:
        fail(str(error))


def printable(text: str) -> str:
    """`text` without what could steer a terminal, such as escape sequences in a file's name."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
