"""`veravox serve`: the server, ready to use after one command."""

import asyncio
import gc
import os
import socket
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
import uvicorn
from fastapi import FastAPI
from sqlalchemy.exc import SQLAlchemyError
from uvicorn.supervisors import Multiprocess

from veravox.accounts import CreatedKey
from veravox.cli.console import err, fail, settings
from veravox.cli.keys import open_accounts
from veravox.cli.users import open_users
from veravox.db import database_url, upgrade
from veravox.errors import VeravoxError
from veravox.settings import InvalidSettings, Settings
from veravox.streaming.websocket_calls import LARGEST_MESSAGE, DrainingWebSockets
from veravox.telemetry.metrics import share_between_workers
from veravox.users import SignInLink


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="TCP port; 0 picks a free one.")] = None,
    workers: Annotated[int | None, typer.Option(help="Server processes.")] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="Folder for the database and the server's secret.")
    ] = None,
) -> None:
    """Run the server, with its database brought up to date first, until Ctrl-C."""
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
        created, link = asyncio.run(_first_start(config))
    except SQLAlchemyError as error:
        fail(f"the database cannot be used: {type(error).__name__}")
    except (InvalidSettings, VeravoxError) as error:
        fail(str(error))
    _welcome(config, listener.getsockname()[1], created, link)
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
        "veravox.cli.serve:served_app",
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


def served_app() -> FastAPI:
    """The application, whose parts the garbage collector is told to leave alone.

    They stay as long as the process does; looking through them again and again was a tenth of the
    work of the event loop.
    """
    from veravox.http.app import create_app

    app = create_app()
    gc.collect()
    gc.freeze()
    return app


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


async def _first_start(config: Settings) -> tuple[CreatedKey | None, SignInLink | None]:
    """A first key, and a link to the dashboard for its owner, while there is none of either."""
    async with open_accounts(config) as accounts, open_users(config) as users:
        created = await accounts.ensure_development_key()
        keys = await accounts.list_keys()
        return created, await users.first_link(keys[0].tenant_id)


def _welcome(
    config: Settings, port: int, created: CreatedKey | None, link: SignInLink | None
) -> None:
    base = f"http://{config.host}:{port}"
    key = created.key if created else "YOUR_KEY"
    err.print(f"\n[bold]Veravox[/] on {base}")
    if link:
        address = f"{config.public_url or base}/welcome#{link.token}"
        err.print(f"  dashboard      {address}   (works once, for 24 hours)")
    else:
        err.print(f"  dashboard      {config.public_url or base}/")
    err.print(f"  documentation  {base}/docs")
    if created:
        err.print(f"  your key       {key}   (shown this once)")
    else:
        err.print("  another key    veravox keys create --name NAME --plan enterprise")
    curl = f"curl -H 'X-Api-Key: {key}' -F file=@recording.wav {base}/v1/predict"
    err.print(f"  try it         {curl}\n")
