"""That overdue maintenance was announced: said once, however many watch."""

import sqlalchemy as sa
from alembic import op

revision = "0006_reminders"
down_revision = "0005_maintenance"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "maintenance_reminders",
        sa.Column("project", sa.Text, nullable=False),
        sa.Column("occasion", sa.String(16), nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("done", sa.DateTime(timezone=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("project", "occasion", "subject", "done", name="pk_maintenance_reminders"),
    )
