"""The journal's tables; after the first release every change needs a migration."""

import re
from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)

HEAD = "0006_reminders"
"""The version of these tables."""
EARLIER = ("0001_runs_and_steps", "0002_incidents", "0003_messages", "0004_projects", "0005_maintenance")
"""Versions that nobody but the developers ever had."""

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")


class VisibleText(TypeDecorator[str]):
    r"""Text that every database can hold: NUL and lone surrogates become visible, as \x00 and \udcff.

    A surrogate stands for a byte that is not UTF-8. SQLite refuses those, PostgreSQL both; an odd byte in a remote
    error message must not be why an outcome is lost.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - the signature is SQLAlchemy's
        """On the way in."""
        return None if value is None else _UNSTORABLE.sub(_escape, value)


class Moment(TypeDecorator[datetime]):
    """A moment in UTC, aware in Python; with its zone where the database has such a type, as UTC without where not."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """On the way in; the values of `remediate.journal` let no naive datetime come this far."""
        if value is None:
            return None
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """On the way out."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# Named constraints: without a name SQLite cannot drop one in a later version.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

version = Table(
    "alembic_version",  # as alembic calls it, so that it can take over with the first migration
    metadata,
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)

runs = Table(
    "runs",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("started", Moment, nullable=False, index=True),
    Column("finished", Moment),
    Column("mode", String(16), nullable=False),
    Column("playbook", VisibleText, nullable=False),
    Column("operator", VisibleText, nullable=False),
    Column("reason", VisibleText),
    Column("incident", String(36), index=True),
    Column("hosts", JSON, nullable=False),
    Column("version", VisibleText, nullable=False),
    Column("verdict", VisibleText),
    Column("exit_code", Integer),
    Column("touched", String(16)),
    Column("report", VisibleText),
)

# A step may be tried again after its first attempt was concluded (the fence had moved, nothing ran): each attempt is a
# row of its own and nothing is overwritten. What must be unique is the attempt that is still open.
steps = Table(
    "steps",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run", String(36), ForeignKey("runs.id"), nullable=False, index=True),
    Column("host", VisibleText, nullable=False),
    Column("position", Integer, nullable=False),
    Column("remedy", VisibleText, nullable=False),
    Column("params", JSON, nullable=False),
    Column("commands", JSON, nullable=False),
    Column("intended_at", Moment, nullable=False),
    Column("finished_at", Moment),
    Column("outcome", VisibleText),
    Column("evidence", VisibleText),
)
Index(
    "uq_steps_open",
    steps.c.run,
    steps.c.host,
    steps.c.position,
    unique=True,
    sqlite_where=text("finished_at IS NULL"),
    postgresql_where=text("finished_at IS NULL"),
)

# Nothing here is ever updated or deleted. `once` names what can happen only once in an incident: whoever is second to
# write it, at the same time on another machine too, is told so by the constraint. Most events have none.
incident_events = Table(
    "incident_events",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("incident", String(36), nullable=False),
    Column("at", Moment, nullable=False),
    Column("who", VisibleText, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("data", VisibleText, nullable=False),
    Column("once", String(200)),
    # Of a declaration, whose incident it is: everything else that belongs to the incident is that project's, too.
    Column("project", VisibleText),
    UniqueConstraint("incident", "once"),  # its index begins with the incident: it finds the events of one, too
)

triages = Table(
    "triages",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("started", Moment, nullable=False, index=True),
    Column("operator", VisibleText, nullable=False),
    Column("report", VisibleText, nullable=False),
    Column("project", VisibleText),
)

# What is said about incidents. A message never changes; what becomes of it on each channel stands in its deliveries.
messages = Table(
    "messages",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("incident", String(36), nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("audience", String(16), nullable=False),
    Column("at", Moment, nullable=False),
    # The rest of it, as JSON: nothing is looked for in there.
    Column("content", VisibleText, nullable=False),
    # Who says the same thing twice gives the same key, and is heard once.
    Column("key", VisibleText, unique=True),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("message", String(36), ForeignKey("messages.id"), nullable=False),
    Column("channel", VisibleText, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    # Until then nobody touches it: while queued it waits for its next try, while sending it belongs to its claimant.
    Column("until", Moment, nullable=False),
    # Whether an attempt may have reached the receiver although nobody knows.
    Column("unsure", Boolean, nullable=False),
    Column("finished", Moment),
    Column("note", VisibleText),
    UniqueConstraint("message", "channel"),
    Index(None, "state", "until"),
)

# One row for each host that was looked at; nothing here is ever updated or deleted.
maintenance = Table(
    "maintenance",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("project", VisibleText, nullable=False),
    Column("occasion", String(16), nullable=False),
    Column("subject", VisibleText, primary_key=True),
    Column("started", Moment, nullable=False),
    # Whether it was looked at: of a host that was not reached there is a report, and it goes on being due.
    Column("reached", Boolean, nullable=False),
    Column("report", VisibleText, nullable=False),
    Index(None, "project", "started"),
)

# Who is first to write that a look is overdue announces it.
maintenance_reminders = Table(
    "maintenance_reminders",
    metadata,
    Column("project", VisibleText, primary_key=True),
    Column("occasion", String(16), primary_key=True),
    Column("subject", VisibleText, primary_key=True),
    Column("done", Moment, primary_key=True),
    Column("at", Moment, nullable=False),
)

maintenance_samples = Table(
    "maintenance_samples",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("project", VisibleText, nullable=False),
    Column("subject", VisibleText, nullable=False),
    Column("item", String(40), nullable=False),
    Column("name", VisibleText, nullable=False),
    Column("at", Moment, nullable=False),
    Column("value", Float, nullable=False),
    Index(None, "project", "subject", "item", "at"),
)
