"""Comparing a migrated database with the tables of the code."""

import importlib
import pkgutil

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

import veravox
from veravox.db import Base


def differences(connection: Connection) -> list:
    """What a new migration would have to change; empty when the migrations are complete."""
    for module in pkgutil.walk_packages(veravox.__path__, "veravox."):
        if module.name.endswith(".tables"):
            importlib.import_module(module.name)
    options = {
        "compare_type": True,
        "compare_server_default": True,
        "include_name": lambda name, *_: not (name or "").startswith("procrastinate_"),
    }
    return compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata)
