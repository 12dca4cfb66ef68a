"""Incidents: what happened in each, one row an event, and what triages have seen."""

import sqlalchemy as sa
from alembic import op

revision = "0002_incidents"
down_revision = "0001_runs_and_steps"


def upgrade() -> None:
    """Create both tables, and find the runs of an incident without reading all of them."""
    op.create_table(
        "incident_events",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("incident", sa.String(36), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("once", sa.String(200)),
        sa.PrimaryKeyConstraint("id", name="pk_incident_events"),
        sa.UniqueConstraint("incident", "once", name="uq_incident_events_incident_once"),
    )
    op.create_table(
        "triages",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("started", sa.DateTime(timezone=True), nullable=False),
        sa.Column("operator", sa.Text, nullable=False),
        sa.Column("report", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_triages"),
    )
    op.create_index("ix_triages_started", "triages", ["started"])
    op.create_index("ix_runs_incident", "runs", ["incident"])
