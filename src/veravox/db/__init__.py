"""The database: one engine, one transaction at the edge, one set of migrations."""

from veravox.db.base import Base, UtcDateTime
from veravox.db.clock import database_now
from veravox.db.database import Database
from veravox.db.migrate import upgrade
from veravox.db.url import database_url

__all__ = ["Base", "Database", "UtcDateTime", "database_now", "database_url", "upgrade"]
