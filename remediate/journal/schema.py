"""The journal's tables. After the first release every change needs a migration."""

from typing import TYPE_CHECKING

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from remediate.journal.column_types import Moment, VisibleText

if TYPE_CHECKING:
    from sqlalchemy import Connection

# Constraints are named, because SQLite cannot drop one without a name in a later version.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

version = Table(
    "alembic_version",  # This is alembic's own name, so that it can take over with the first migration.
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
    # The process and what was given to its playbook, as JSON: to find out about it and go on if the process dies.
    Column("process", VisibleText),
    Column("given", VisibleText),
)

# A step may be retried after its first attempt was concluded (the fence had moved, nothing ran). Each attempt is a
# separate row, and nothing is overwritten. Only the open attempt has to be unique.
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
    # Digests of the answers that have to change when the step has its effect, as JSON.
    Column("basis", VisibleText),
)
Index(
    "uq_steps_open",
    steps.c.run,
    steps.c.host,
    steps.c.position,
    unique=True,
    sqlite_where=text("finished_at IS NULL"),
)

# These rows are never updated or deleted. `once` names an event that can happen only once in an incident: the
# constraint rejects a second one, also from another machine at the same time. Most events have none.
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
    # A declaration's project. Everything else that belongs to the incident belongs to that project, too.
    Column("project", VisibleText),
    UniqueConstraint("incident", "once"),  # Its index begins with the incident, so it also finds an incident's events.
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

# Messages about incidents. A message never changes; its result on each channel is in its deliveries.
messages = Table(
    "messages",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("incident", String(36), nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("audience", String(16), nullable=False),
    Column("at", Moment, nullable=False),
    # The rest of the message as JSON, which is never searched.
    Column("content", VisibleText, nullable=False),
    # The same message has the same key, so that it is sent only once.
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
    # Before this time nobody touches it: queued, it waits for its next attempt; sending, it belongs to its claimant.
    Column("until", Moment, nullable=False),
    # True if an attempt may have reached the receiver without confirmation.
    Column("unsure", Boolean, nullable=False),
    Column("finished", Moment),
    Column("note", VisibleText),
    UniqueConstraint("message", "channel"),
    Index(None, "state", "until"),
)

# One row for each host that was checked. These rows are never updated or deleted.
maintenance = Table(
    "maintenance",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("project", VisibleText, nullable=False),
    Column("occasion", String(16), nullable=False),
    Column("subject", VisibleText, primary_key=True),
    Column("started", Moment, nullable=False),
    # False for a host that could not be reached: its report is kept, and it stays due.
    Column("reached", Boolean, nullable=False),
    Column("report", VisibleText, nullable=False),
    Index(None, "project", "started"),
)

# The process that writes an overdue check first announces it.
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

# What an alert led to. `withdrawn` closes a proposal whose alerts are over.
alert_decisions = Table(
    "alert_decisions",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("project", VisibleText, nullable=False),
    Column("at", Moment, nullable=False),
    Column("rule", VisibleText, nullable=False),
    Column("host", VisibleText, nullable=False),
    Column("action", VisibleText, nullable=False),
    Column("mode", String(16), nullable=False),
    Column("reason", VisibleText, nullable=False),
    Column("suppressed_by", String(32)),
    Column("withdrawn", Moment),
    Index(None, "project", "rule", "host", "at"),
    Index(None, "project", "mode", "at"),
)

# One row for each time that an alert began to fire. While `ended` is null it fires, and repetitions are only counted.
alerts = Table(
    "alerts",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("project", VisibleText, nullable=False),
    Column("source", VisibleText, nullable=False),
    Column("how", String(16), nullable=False),
    Column("fingerprint", String(128), nullable=False),
    Column("name", VisibleText, nullable=False),
    # JSON in ASCII, so that a text with NUL is read again as it was sent.
    Column("labels", Text, nullable=False),
    Column("annotations", Text, nullable=False),
    Column("starts", Moment),
    Column("first_seen", Moment, nullable=False),
    Column("last_seen", Moment, nullable=False),
    Column("times", Integer, nullable=False),
    Column("ended", Moment),
    Column("end_reason", String(16)),
    Column("decision", String(36), ForeignKey("alert_decisions.id"), index=True),
    Column("suppressed_by", String(32)),
    Index(None, "project", "first_seen"),
    Index(
        "uq_alerts_burning", "project", "source", "how", "fingerprint", unique=True, sqlite_where=text("ended IS NULL")
    ),
)

# Signed deliveries, each of which is accepted once. They are forgotten when their signature has long been too old.
alert_deliveries = Table(
    "alert_deliveries",
    metadata,
    Column("project", VisibleText, primary_key=True),
    Column("source", VisibleText, primary_key=True),
    Column("delivery", String(200), primary_key=True),
    Column("at", Moment, nullable=False, index=True),
)

# Plans that wait for approval, or waited for it. Texts are masked, and `parts` are keyed digests.
proposals = Table(
    "proposals",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("project", VisibleText, nullable=False),
    Column("hash", String(64), nullable=False),
    Column("playbook", VisibleText, nullable=False),
    Column("hosts", JSON, nullable=False),
    Column("command", VisibleText, nullable=False),
    Column("steps", VisibleText, nullable=False),  # JSON as text, as are the digests of what the hash binds.
    Column("parts", VisibleText, nullable=False),
    Column("requester", VisibleText, nullable=False),
    Column("authenticated", Boolean, nullable=False),
    Column("second_person", Boolean, nullable=False),
    Column("asked", Moment, nullable=False),
    Column("expires", Moment, nullable=False),
    Column("run", String(36), nullable=False),
    Column("incident", String(36), index=True),
    # Set once, when it is spent or withdrawn, or when it is asked for again after it had expired.
    Column("closed", Moment),
    Column("ended", String(16)),
    Column("ended_by", VisibleText),
    # Who asked again for the same plan, as JSON: pairs of name and whether it was authenticated.
    Column("also_asked", VisibleText),
    Index(None, "project", "hash"),
    Index("uq_proposals_open", "project", "hash", unique=True, sqlite_where=text("closed IS NULL")),
)

# Who approved a proposal, with the proof, which is verified again before the plan runs. Each person does so once.
proposal_approvals = Table(
    "proposal_approvals",
    metadata,
    Column("proposal", String(36), ForeignKey("proposals.id"), primary_key=True),
    Column("approver", VisibleText, primary_key=True),
    Column("how", String(32), nullable=False),
    Column("detail", VisibleText, nullable=False),
    Column("proof", Text, nullable=False),
    Column("at", Moment, nullable=False),
)


def create_missing(connection: "Connection") -> None:
    """Create the tables and indexes that do not exist.

    PostgreSQL's conditions of indexes are set here, because naming them above would import its dialect at each start.
    """
    if connection.dialect.name == "postgresql":
        for index in (index for table in metadata.tables.values() for index in table.indexes):
            if (condition := index.dialect_kwargs.get("sqlite_where")) is not None:
                index.dialect_kwargs["postgresql_where"] = condition
    metadata.create_all(connection)
