"""Runs the migrations on the connection that `veravox.db.migrate.upgrade` opened."""

from alembic import context

from veravox.db.base import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
