"""What regular maintenance found, and the numbers that trends are made of."""

import sqlalchemy as sa
from alembic import op

revision = "0005_maintenance"
down_revision = "0004_projects"


def upgrade() -> None:
    """Add both tables."""
    op.create_table(
        "maintenance",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("project", sa.Text, nullable=False),
        sa.Column("occasion", sa.String(16), nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("started", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reached", sa.Boolean, nullable=False),
        sa.Column("report", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", "subject", name="pk_maintenance"),
    )
    op.create_index("ix_maintenance_project_started", "maintenance", ["project", "started"])
    op.create_table(
        "maintenance_samples",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("project", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("item", sa.String(40), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("value", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_maintenance_samples"),
    )
    op.create_index(
        "ix_maintenance_samples_project_subject_item_at",
        "maintenance_samples",
        ["project", "subject", "item", "at"],
    )
