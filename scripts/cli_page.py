"""Writes docs/cli.md, the page of all commands, from the commands themselves.

python scripts/cli_page.py
"""

import inspect
from collections.abc import Iterator
from pathlib import Path

import click
import typer
import typer.main
from typer.core import TyperGroup

from veravox.cli import app

PAGE = Path(__file__).parent.parent / "docs" / "cli.md"
HEAD = """\
# Commands

`veravox COMMAND --help` says the same on your terminal. All commands read the
[settings](configuration.md).
"""


def cli_page() -> str:
    """The page as Markdown."""
    root = typer.main.get_command(app)
    return "\n".join([HEAD, *_commands(root, "veravox")])


def _commands(group: click.Command, name: str) -> Iterator[str]:
    if not isinstance(group, TyperGroup):
        return
    context = typer.Context(group)
    for word in sorted(group.list_commands(context)):
        command, full = group.get_command(context, word), f"{name} {word}"
        if command is not None:
            yield from _command(command, full)
            yield from _commands(command, full)


def _command(command: click.Command, name: str) -> Iterator[str]:
    yield f"## {name}\n"
    yield inspect.cleandoc(command.help or "") + "\n"
    rows = [row for parameter in command.params if (row := _row(parameter))]
    if rows:
        yield "| | default | meaning |\n|---|---|---|"
        yield "\n".join(rows) + "\n"


def _row(parameter: click.Parameter) -> str | None:
    if getattr(parameter, "hidden", False):
        return None
    is_option = parameter.param_type_name == "option"
    names = [*parameter.opts, *parameter.secondary_opts] if is_option else [_metavar(parameter)]
    shown = ", ".join(f"`{name}`" for name in names)
    text = (getattr(parameter, "help", None) or "").replace("|", "\\|")
    default = _default(parameter)
    return f"| {shown} | {default} | {text} |"


def _metavar(parameter: click.Parameter) -> str:
    return parameter.metavar or (parameter.name or "").upper()


def _default(parameter: click.Parameter) -> str:
    if parameter.required:
        return "required"
    default = parameter.default
    if default is None or callable(default) or isinstance(default, bool | list | tuple):
        return ""
    return f"`{getattr(default, 'value', default)}`"


if __name__ == "__main__":
    PAGE.write_text(cli_page(), encoding="utf-8")
