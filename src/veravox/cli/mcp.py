"""`veravox mcp`: the tools of an assistant, over standard input and output."""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from veravox.analysis import open_analyser
from veravox.cli.console import fail, settings
from veravox.cli.voiceid import voices_on
from veravox.errors import VeravoxError
from veravox.telemetry.logs import configure_logs


def mcp(
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="FOLDER",
            exists=True,
            file_okay=False,
            help="Folders whose recordings the assistant may have judged; no others.",
        ),
    ],
) -> None:
    """Offer `detect` and `verify` to an assistant that speaks MCP over stdin and stdout.

    The assistant's program starts this command itself. Files are only read, and only below the
    given folders; symbolic links in them are not followed.
    """
    if find_spec("mcp") is None:
        fail("this command needs more packages: pip install 'veravox[mcp]'")
    from veravox.mcp.folders import AllowedFolders
    from veravox.mcp.server import create_server

    config = settings()
    configure_logs(config.log_format, config.log_level)
    threads = config.scoring_threads
    try:
        with open_analyser(
            config.models_dir, decoder_processes=threads, scoring_threads=threads
        ) as analyser:
            voices = voices_on(analyser, config)
            create_server(analyser, voices, AllowedFolders(folders)).run("stdio")
    except VeravoxError as error:
        fail(error.message)
