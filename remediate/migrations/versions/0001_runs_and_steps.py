"""The first tables: a run, and what it meant to do before it did it."""

import sqlalchemy as sa
from alembic import op

revision = "0001_runs_and_steps"
down_revision = None


def upgrade() -> None:
    """Create both tables. There is no way back: a journal is not thrown away."""
    op.create_table(
        "runs",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("started", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished", sa.DateTime(timezone=True)),
        sa.Column("mode", sa.String(16), nullable=False),
        sa.Column("playbook", sa.Text, nullable=False),
        sa.Column("operator", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("incident", sa.String(36)),
        sa.Column("hosts", sa.JSON, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("verdict", sa.Text),
        sa.Column("exit_code", sa.Integer),
        sa.Column("touched", sa.String(16)),
        sa.Column("report", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
    )
    op.create_index("ix_runs_started", "runs", ["started"])
    op.create_table(
        "steps",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("run", sa.String(36), nullable=False),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("remedy", sa.Text, nullable=False),
        sa.Column("params", sa.JSON, nullable=False),
        sa.Column("commands", sa.JSON, nullable=False),
        sa.Column("intended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("outcome", sa.Text),
        sa.Column("evidence", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_steps"),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name="fk_steps_run_runs"),
    )
    op.create_index("ix_steps_run", "steps", ["run"])
    op.create_index(
        "uq_steps_open",
        "steps",
        ["run", "host", "position"],
        unique=True,
        sqlite_where=sa.text("finished_at IS NULL"),
        postgresql_where=sa.text("finished_at IS NULL"),
    )
