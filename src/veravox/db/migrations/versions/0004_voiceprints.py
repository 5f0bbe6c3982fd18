"""Voiceprints and the audit log, whose entries the database refuses to change or delete."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_SQLITE_GUARD = """
CREATE TRIGGER audit_entries_no_{verb} BEFORE {verb} ON audit_entries
BEGIN SELECT RAISE(ABORT, 'audit entries cannot be changed'); END
"""
_POSTGRESQL_GUARD = """
CREATE FUNCTION audit_entries_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'audit entries cannot be changed'; END $$;
CREATE TRIGGER audit_entries_guard BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entries
FOR EACH STATEMENT EXECUTE FUNCTION audit_entries_guard();
"""


def upgrade() -> None:
    """Add what voiceprints need."""
    op.create_table(
        "voiceprints",
        sa.Column("tenant_id", sa.String(40), nullable=False),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "subject", name="pk_voiceprints"),
    )
    op.create_table(
        "voiceprint_references",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("tenant_id", sa.String(40), nullable=False),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("model_id", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_voiceprint_references"),
    )
    op.create_index(
        "ix_voiceprint_references_tenant_id_subject",
        "voiceprint_references",
        ["tenant_id", "subject"],
    )
    op.create_table(
        "audit_entries",
        sa.Column("tenant_id", sa.String(40), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("action", sa.String(40), nullable=False),
        sa.Column("subject", sa.String(64)),
        sa.Column("actor", sa.String(40), nullable=False),
        sa.Column("outcome", sa.String(100), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "sequence", name="pk_audit_entries"),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_POSTGRESQL_GUARD)
        return
    for verb in ("UPDATE", "DELETE"):
        op.execute(_SQLITE_GUARD.format(verb=verb))
