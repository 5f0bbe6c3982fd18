"""`veravox webhooks`: what was told to receivers, sending it again, and signing secrets."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, TypeVar

import typer
from procrastinate.exceptions import ConnectorException
from rich.table import Table
from sqlalchemy.exc import SQLAlchemyError

from veravox.cli.console import fail, out, settings
from veravox.db import database_url, upgrade
from veravox.errors import VeravoxError
from veravox.installation import open_records
from veravox.settings import InvalidSettings
from veravox.webhooks.delivery import Delivery, DeliveryFilter, DeliveryPage, DeliveryStatus
from veravox.webhooks.service import WebhookService

app = typer.Typer(help="List and repeat webhooks; show signing secrets.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DataDir = Annotated[str | None, typer.Option(help="Data folder, as for `veravox serve`.")]

T = TypeVar("T")


@app.command("list")
def list_deliveries(
    tenant: Annotated[str | None, typer.Option(help="Only of this tenant.")] = None,
    status: Annotated[DeliveryStatus | None, typer.Option(help="Only with this status.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Show at most so many.")] = 100,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """List webhooks, newest first, with what their receivers answered last."""
    wanted = DeliveryFilter(limit=limit, status=status)

    async def run(webhooks: WebhookService) -> DeliveryPage:
        if tenant is None:
            return await webhooks.list_all(wanted)
        return await webhooks.list(tenant, wanted)

    found = _run(run, data_dir).deliveries
    if as_json:
        typer.echo(json.dumps([asdict(delivery) for delivery in found], default=_text))
        return
    table = Table("Delivery", "Prediction", "Tenant", "URL", "Status", "Attempts", "Last answer")
    for delivery in found:
        table.add_row(
            delivery.id,
            delivery.prediction_id,
            delivery.tenant_id,
            delivery.url,
            delivery.status,
            str(len(delivery.attempts)),
            _last_answer(delivery),
        )
    out.print(table)


@app.command()
def replay(
    delivery: Annotated[str, typer.Argument(metavar="DELIVERY", help="The delivery's id.")],
    data_dir: DataDir = None,
) -> None:
    """Send a webhook again; a running server or worker does it within seconds."""

    async def run(webhooks: WebhookService) -> Delivery:
        return await webhooks.replay(await webhooks.owner(delivery), delivery)

    typer.echo(f"{delivery} is {_run(run, data_dir).status}")


@app.command()
def secret(
    tenant: Annotated[
        str, typer.Argument(metavar="TENANT", help="As `veravox keys list` shows it.")
    ],
    new: Annotated[
        bool, typer.Option("--new", help="Make a new one; the old one ends at once.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Show the secret under which a tenant's webhooks are signed."""

    async def run(webhooks: WebhookService) -> str:
        secrets = webhooks.secrets
        return await (secrets.renew(tenant) if new else secrets.get(tenant))

    typer.echo(_run(run, data_dir))


def _run(action: Callable[[WebhookService], Awaitable[T]], data_dir: str | None) -> T:
    config = settings(data_dir=data_dir)

    async def within() -> T:
        async with open_records(config) as records:
            return await action(records.webhooks)

    try:
        upgrade(database_url(config))
        return asyncio.run(within())
    except (VeravoxError, InvalidSettings) as error:
        fail(str(error))
    except (SQLAlchemyError, ConnectorException) as error:
        fail(f"the database cannot be used: {type(error).__name__}")


def _last_answer(delivery: Delivery) -> str:
    if not delivery.attempts:
        return ""
    last = delivery.attempts[-1]
    return last.error or str(last.status_code)


def _text(value: object) -> str:
    """How JSON shows what it has no notion of."""
    return value.isoformat() if isinstance(value, datetime) else str(value)
