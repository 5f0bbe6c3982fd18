"""`veravox keys`: create, list and revoke API keys."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, TypeVar

import typer
from rich.table import Table
from sqlalchemy.exc import SQLAlchemyError

from veravox.accounts import AccountService, ApiKey, CreatedKey, Plan, Scope
from veravox.cli.console import fail, out, settings
from veravox.db import Database, database_url, upgrade
from veravox.errors import VeravoxError
from veravox.security import KeyHasher, server_secret
from veravox.settings import InvalidSettings, Settings

app = typer.Typer(help="Create, list and revoke API keys.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DataDir = Annotated[str | None, typer.Option(help="Data folder, as for `veravox serve`.")]

T = TypeVar("T")

PERIOD = re.compile(r"(\d{1,5})([dhm])")
PERIOD_UNITS = {"d": "days", "h": "hours", "m": "minutes"}


@app.command()
def create(
    name: Annotated[str, typer.Option(help="What the key is for.")] = "default",
    plan: Annotated[Plan, typer.Option(help="Rate limits of the key.")] = Plan.FREE,
    tenant: Annotated[
        str | None,
        typer.Option(help="Keys of one tenant see the same predictions. Default: a new tenant."),
    ] = None,
    scope: Annotated[
        list[Scope] | None,
        typer.Option(help="What the key may do; may be given several times. Default: all."),
    ] = None,
    expires_in: Annotated[
        str | None, typer.Option(help="Lifetime such as 90d, 12h or 30m. Default: no end.")
    ] = None,
    requests_per_minute: Annotated[
        int | None, typer.Option(help="Requests a minute; only for Enterprise keys.")
    ] = None,
    concurrent_requests: Annotated[
        int | None, typer.Option(help="Requests at a time; only for Enterprise keys.")
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Create a key. Its text is shown once and stored nowhere."""
    lifetime = _period(expires_in) if expires_in else None

    async def run(accounts: AccountService) -> CreatedKey:
        return await accounts.create_key(
            name,
            plan,
            tenant_id=tenant,
            scopes=scope or tuple(Scope),
            expires_in=lifetime,
            requests_per_minute=requests_per_minute,
            concurrent_requests=concurrent_requests,
        )

    created = _run(run, data_dir)
    if as_json:
        typer.echo(json.dumps({"key": created.key, **_as_json(created.api_key)}))
        return
    typer.echo(created.key)
    out.print("[dim]Keep it now: it cannot be shown again.[/]")


@app.command("list")
def list_keys(as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """List all keys, also revoked and expired ones."""
    keys = _run(AccountService.list_keys, data_dir)
    if as_json:
        typer.echo(json.dumps([_as_json(key) for key in keys]))
        return
    table = Table("Prefix", "Name", "Plan", "Tenant", "Scopes", "Created", "State")
    for key in keys:
        table.add_row(
            key.prefix,
            key.name,
            key.plan,
            key.tenant_id,
            ", ".join(sorted(key.scopes)),
            f"{key.created_at:%Y-%m-%d}",
            _state(key),
        )
    out.print(table)


@app.command()
def revoke(
    key: Annotated[str, typer.Argument(metavar="KEY", help="The key's id or its public prefix.")],
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Revoke a key: it is refused from the next request on."""

    async def run(accounts: AccountService) -> ApiKey:
        return await accounts.revoke_key(key)

    revoked = _run(run, data_dir)
    typer.echo(json.dumps(_as_json(revoked)) if as_json else f"revoked {revoked.prefix}")


@asynccontextmanager
async def open_accounts(config: Settings) -> AsyncGenerator[AccountService]:
    """The accounts of the installation that `config` describes."""
    database = Database(database_url(config))
    try:
        yield AccountService(database, KeyHasher(server_secret(config)))
    finally:
        await database.close()


def _run(action: Callable[[AccountService], Awaitable[T]], data_dir: str | None) -> T:
    config = settings(data_dir=data_dir)

    async def within() -> T:
        async with open_accounts(config) as accounts:
            return await action(accounts)

    try:
        upgrade(database_url(config))
        return asyncio.run(within())
    except (VeravoxError, InvalidSettings) as error:
        fail(str(error))
    except SQLAlchemyError as error:
        fail(f"the database cannot be used: {type(error).__name__}")


def _period(text: str) -> timedelta:
    match = PERIOD.fullmatch(text)
    if match is None:
        fail(f"'{text}' is no lifetime; write 90d, 12h or 30m")
    return timedelta(**{PERIOD_UNITS[match.group(2)]: int(match.group(1))})


def _state(key: ApiKey) -> str:
    if key.revoked_at:
        return f"revoked {key.revoked_at:%Y-%m-%d}"
    if not key.is_active(datetime.now(UTC)):
        return "expired"
    return f"until {key.expires_at:%Y-%m-%d}" if key.expires_at else "active"


def _as_json(key: ApiKey) -> dict[str, Any]:
    fields = asdict(key) | {"scopes": sorted(key.scopes)}
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in fields.items()
    }
