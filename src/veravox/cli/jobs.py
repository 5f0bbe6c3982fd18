"""`veravox jobs`: look at, repeat and cancel the analyses of `/v1/file`."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

import typer
from procrastinate.exceptions import ConnectorException
from rich.table import Table
from sqlalchemy.exc import SQLAlchemyError

from veravox.cli.console import fail, out, settings
from veravox.db import database_url, upgrade
from veravox.errors import VeravoxError
from veravox.installation import Records, open_records
from veravox.predictions import UNFINISHED, Prediction, QueuedPrediction, Status
from veravox.settings import InvalidSettings

app = typer.Typer(
    help="List, repeat and cancel analyses of uploaded recordings.", no_args_is_help=True
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DataDir = Annotated[str | None, typer.Option(help="Data folder, as for `veravox serve`.")]
PredictionId = Annotated[str, typer.Argument(metavar="PREDICTION", help="The prediction's id.")]
Tenant = Annotated[str | None, typer.Option(help="Needed where several tenants use the id.")]

T = TypeVar("T")


@app.command("list")
def list_jobs(
    status: Annotated[
        list[Status] | None,
        typer.Option(help="Only these; may be given several times. Default: unfinished ones."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Show at most so many.")] = 100,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """List analyses in the order in which they are done."""

    async def run(records: Records) -> list[QueuedPrediction]:
        return list(await records.queue.list(status or UNFINISHED, limit))

    found = _run(run, data_dir)
    if as_json:
        typer.echo(json.dumps([_as_json(item) for item in found]))
        return
    table = Table("Prediction", "Tenant", "Status", "Progress", "Attempts", "Created", "Reason")
    for item in found:
        prediction = item.prediction
        table.add_row(
            prediction.id,
            item.tenant_id,
            prediction.status,
            f"{prediction.progress.share:.0%}",
            str(item.attempts),
            f"{prediction.created_at:%Y-%m-%d %H:%M:%S}",
            prediction.failure.message if prediction.failure else "",
        )
    out.print(table)


@app.command()
def retry(prediction: PredictionId, tenant: Tenant = None, data_dir: DataDir = None) -> None:
    """Queue a failed analysis once more, while its recording is kept."""

    async def run(records: Records) -> Prediction:
        return await records.files.retry(await _owner(records, prediction, tenant), prediction)

    typer.echo(f"{prediction} is {_run(run, data_dir).status}")


@app.command()
def cancel(prediction: PredictionId, tenant: Tenant = None, data_dir: DataDir = None) -> None:
    """End an analysis that is not finished, and delete its recording."""

    async def run(records: Records) -> Prediction:
        return await records.files.cancel(await _owner(records, prediction, tenant), prediction)

    typer.echo(f"{prediction} is {_run(run, data_dir).status}")


async def _owner(records: Records, prediction_id: str, tenant: str | None) -> str:
    owners = await records.queue.tenants_of(prediction_id)
    if tenant is not None and tenant in owners:
        return tenant
    if not owners or tenant is not None:
        fail(f"no analysis has the id '{prediction_id}'")
    if len(owners) > 1:
        fail(f"several tenants have a '{prediction_id}'; add --tenant: {', '.join(owners)}")
    return owners[0]


def _run(action: Callable[[Records], Awaitable[T]], data_dir: str | None) -> T:
    config = settings(data_dir=data_dir)

    async def within() -> T:
        async with open_records(config) as records:
            return await action(records)

    try:
        upgrade(database_url(config))
        return asyncio.run(within())
    except (VeravoxError, InvalidSettings) as error:
        fail(str(error))
    except (SQLAlchemyError, ConnectorException) as error:
        fail(f"the database cannot be used: {type(error).__name__}")


def _as_json(item: QueuedPrediction) -> dict[str, Any]:
    prediction = item.prediction
    failure = prediction.failure
    return {
        "prediction_id": prediction.id,
        "tenant_id": item.tenant_id,
        "plan": item.plan,
        "status": prediction.status,
        "progress": prediction.progress.share,
        "attempts": item.attempts,
        "created_at": prediction.created_at.isoformat(),
        "error": None if failure is None else failure.error,
        "message": None if failure is None else failure.message,
    }
