"""`veravox users`: the people who use the dashboard."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated, TypeVar

import typer
from rich.table import Table
from sqlalchemy.exc import SQLAlchemyError

from veravox.cli.console import fail, out, settings
from veravox.db import Database, database_url, upgrade
from veravox.errors import VeravoxError
from veravox.security import KeyHasher, server_secret
from veravox.settings import InvalidSettings, Settings
from veravox.users import Role, SignInLink, User, UserService

app = typer.Typer(help="People who use the dashboard.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DataDir = Annotated[str | None, typer.Option(help="Data folder, as for `veravox serve`.")]
Name = Annotated[str, typer.Argument(help="The name that the person signs in with.")]

T = TypeVar("T")


@app.command()
def create(
    name: Name,
    tenant: Annotated[
        str, typer.Option(help="Whose recordings and keys they see; see `veravox keys list`.")
    ],
    role: Annotated[Role, typer.Option(help="What they may do.")] = Role.MEMBER,
    data_dir: DataDir = None,
) -> None:
    """Add a person; prints the end of a link that lets them in once."""

    async def run(users: UserService) -> SignInLink:
        user = await users.create(tenant, name, role)
        return await users.link(None, user.id)

    _show(_run(run, data_dir), data_dir)


@app.command()
def link(name: Name, data_dir: DataDir = None) -> None:
    """A link that lets a person in once and choose another password."""
    _show(_run(lambda users: users.link(None, name), data_dir), data_dir)


@app.command("list")
def list_users(as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """List all people."""
    people = _run(UserService.list, data_dir)
    if as_json:
        typer.echo(json.dumps([_as_json(user) for user in people]))
        return
    table = Table("Name", "Role", "Tenant", "Since", "State")
    for user in people:
        state = "disabled" if user.disabled_at else "active"
        table.add_row(user.name, user.role, user.tenant_id, f"{user.created_at:%Y-%m-%d}", state)
    out.print(table)


@app.command()
def disable(name: Name, data_dir: DataDir = None) -> None:
    """Keep a person out from now on."""
    user = _run(lambda users: users.disable(None, name), data_dir)
    typer.echo(f"disabled {user.name}")


@asynccontextmanager
async def open_users(config: Settings) -> AsyncGenerator[UserService]:
    """The people of the installation that `config` describes."""
    database = Database(database_url(config))
    try:
        yield UserService(database, KeyHasher(server_secret(config)))
    finally:
        await database.close()


def _show(made: SignInLink, data_dir: str | None) -> None:
    config = settings(data_dir=data_dir)
    base = config.public_url or f"http://{config.host}:{config.port}"
    typer.echo(f"{base}/welcome#{made.token}")
    out.print(f"[dim]For {made.name}, once, until {made.expires_at:%Y-%m-%d %H:%M} UTC.[/]")


def _run(action: Callable[[UserService], Awaitable[T]], data_dir: str | None) -> T:
    config = settings(data_dir=data_dir)

    async def within() -> T:
        async with open_users(config) as users:
            return await action(users)

    try:
        upgrade(database_url(config))
        return asyncio.run(within())
    except (VeravoxError, InvalidSettings) as error:
        fail(str(error))
    except SQLAlchemyError as error:
        fail(f"the database cannot be used: {type(error).__name__}")


def _as_json(user: User) -> dict[str, str | None]:
    return {
        "id": user.id,
        "name": user.name,
        "role": user.role,
        "tenant_id": user.tenant_id,
        "created_at": user.created_at.isoformat(),
        "disabled_at": user.disabled_at.isoformat() if user.disabled_at else None,
    }
