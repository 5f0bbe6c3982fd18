"""Reports: what is known of a recording's way, public keys of signatures, cards of models."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add what reports need."""
    with op.batch_alter_table("predictions") as predictions:
        predictions.add_column(sa.Column("custody", sa.Text()))
    op.create_table(
        "report_keys",
        sa.Column("id", sa.String(43), nullable=False),
        sa.Column("public_key", sa.LargeBinary(32), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_report_keys"),
    )
    op.create_table(
        "model_cards",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_model_cards"),
    )
