"""Whose an incident is: several projects may keep theirs in one database, and tell different people."""

import sqlalchemy as sa
from alembic import op

revision = "0004_projects"
down_revision = "0003_messages"


def upgrade() -> None:
    """Add it to declarations and triages. What is there already belongs to no project: nobody knows whose it was."""
    for table in ("incident_events", "triages"):
        op.add_column(table, sa.Column("project", sa.Text))
    op.execute("UPDATE incident_events SET project = '' WHERE once = 'declared'")
    op.execute("UPDATE triages SET project = ''")
