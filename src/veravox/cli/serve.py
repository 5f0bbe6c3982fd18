"""`veravox serve`: the server, ready to use after one command."""

import asyncio
import os
import socket
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
import uvicorn
from sqlalchemy.exc import SQLAlchemyError
from uvicorn.supervisors import Multiprocess

from veravox.accounts import CreatedKey
from veravox.cli.console import err, fail, settings
from veravox.cli.keys import open_accounts
from veravox.db import database_url, upgrade
from veravox.errors import VeravoxError
from veravox.settings import InvalidSettings, Settings
from veravox.streaming.websocket_calls import LARGEST_MESSAGE, DrainingWebSockets
from veravox.telemetry.metrics import share_between_workers


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="TCP port; 0 picks a free one.")] = None,
    workers: Annotated[int | None, typer.Option(help="Server processes.")] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="Folder for the database and the server's secret.")
    ] = None,
) -> None:
    """Migrate the database and serve both APIs until interrupted."""
    chosen: dict[str, object] = {
        "host": host,
        "port": port,
        "workers": workers,
        "data_dir": data_dir,
    }
    config = settings(**chosen)
    _hand_to_workers(chosen)
    listener = _listen(config)
    try:
        upgrade(database_url(config))
        created = asyncio.run(_development_key(config))
    except SQLAlchemyError as error:
        fail(f"the database cannot be used: {type(error).__name__}")
    except (InvalidSettings, VeravoxError) as error:
        fail(str(error))
    _welcome(config, listener.getsockname()[1], created)
    with _shared_metrics(config):
        _run(config, listener)


@contextmanager
def _shared_metrics(config: Settings) -> Generator[None]:
    """A folder in which several workers add up their metrics; one worker needs none."""
    if config.workers == 1:
        yield
        return
    if config.redis_url is None:
        err.print("[yellow]Each worker counts rate limits for itself; set VERAVOX_REDIS_URL.[/]")
    with TemporaryDirectory(prefix="veravox-metrics-") as folder:
        share_between_workers(Path(folder))
        yield


def _run(config: Settings, listener: socket.socket) -> None:
    server = uvicorn.Config(
        "veravox.http.app:create_app",
        factory=True,
        workers=config.workers,
        timeout_graceful_shutdown=config.shutdown_seconds,
        log_config=None,
        access_log=False,
        server_header=False,
        ws=DrainingWebSockets,
        ws_max_size=LARGEST_MESSAGE,
        ws_per_message_deflate=False,
    )
    if config.workers > 1:
        Multiprocess(server, sockets=[listener]).run()
    else:
        uvicorn.Server(server).run(sockets=[listener])


def _hand_to_workers(chosen: Mapping[str, object]) -> None:
    """Workers read their settings anew: give them the command line's as environment variables."""
    for name, value in chosen.items():
        if value is not None:
            os.environ[f"VERAVOX_{name.upper()}"] = str(value)


def _listen(config: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((config.host, config.port))
    except OSError as error:
        fail(f"cannot listen on {config.host}:{config.port}: {error.strerror}")
    listener.set_inheritable(True)
    return listener


async def _development_key(config: Settings) -> CreatedKey | None:
    async with open_accounts(config) as accounts:
        return await accounts.ensure_development_key()


def _welcome(config: Settings, port: int, created: CreatedKey | None) -> None:
    base = f"http://{config.host}:{port}"
    key = created.key if created else "YOUR_KEY"
    say = partial(err.print, highlight=False, soft_wrap=True)
    say(f"\n[bold]Veravox[/] on {base}")
    say(f"  documentation  {base}/docs")
    if created:
        say(f"  your key       {key}   (shown this once)")
    else:
        say("  another key    veravox keys create --name NAME --plan enterprise")
    curl = f"curl -H 'X-Api-Key: {key}' -F file=@recording.wav {base}/v1/predict"
    say(f"  try it         {curl}\n")
