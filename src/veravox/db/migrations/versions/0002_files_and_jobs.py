"""Uploaded recordings, predictions that are queued, and on PostgreSQL the job queue.

The queue's tables are those of procrastinate 3.10. A later version that changes them needs a
migration here that applies procrastinate's own.
"""

from typing import Any, cast

import psycopg
import sqlalchemy as sa
from alembic import op
from procrastinate.schema import SchemaManager

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add what jobs need."""
    with op.batch_alter_table("predictions") as predictions:
        predictions.add_column(sa.Column("options", sa.Text()))
        predictions.add_column(sa.Column("plan", sa.String(20)))
        predictions.add_column(sa.Column("turn", sa.BigInteger()))
        predictions.add_column(
            sa.Column("attempts", sa.Integer(), nullable=False, server_default="0")
        )
        predictions.add_column(sa.Column("progress", sa.Text()))
        predictions.add_column(sa.Column("error", sa.String(40)))
        predictions.add_column(sa.Column("message", sa.Text()))
        predictions.add_column(sa.Column("webhook_url", sa.Text()))
        predictions.add_column(sa.Column("finished_at", sa.DateTime(timezone=True)))
    op.create_index("ix_predictions_status_turn", "predictions", ["status", "turn"])
    op.create_table(
        "files",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("tenant_id", sa.String(40), nullable=False),
        sa.Column("prediction_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("size", sa.BigInteger()),
        sa.Column("content_type", sa.String(127)),
        sa.Column("upload_id", sa.String(1024)),
        sa.Column("part_size", sa.BigInteger()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("arrived_at", sa.DateTime(timezone=True)),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delete_at", sa.DateTime(timezone=True)),
        sa.Column("deleted_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_files"),
    )
    op.create_index("ix_files_tenant_id_prediction_id", "files", ["tenant_id", "prediction_id"])
    op.create_index("ix_files_delete_at", "files", ["delete_at"])
    op.create_index("ix_files_arrived_at_looked_at", "files", ["arrived_at", "looked_at"])
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        driver = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
        driver.execute(SchemaManager.get_schema())
