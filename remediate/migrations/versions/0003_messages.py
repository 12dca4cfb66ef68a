"""What is said about incidents, and what became of it on each channel."""

import sqlalchemy as sa
from alembic import op

revision = "0003_messages"
down_revision = "0002_incidents"


def upgrade() -> None:
    """Create both tables. There is no way back: a record of what was said is not thrown away."""
    op.create_table(
        "messages",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("incident", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("audience", sa.String(16), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("key", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_messages"),
        sa.UniqueConstraint("key", name="uq_messages_key"),
    )
    op.create_index("ix_messages_incident", "messages", ["incident"])
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("message", sa.String(36), nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("unsure", sa.Boolean, nullable=False),
        sa.Column("finished", sa.DateTime(timezone=True)),
        sa.Column("note", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
        sa.ForeignKeyConstraint(["message"], ["messages.id"], name="fk_deliveries_message_messages"),
        sa.UniqueConstraint("message", "channel", name="uq_deliveries_message_channel"),
    )
    op.create_index("ix_deliveries_state_until", "deliveries", ["state", "until"])
