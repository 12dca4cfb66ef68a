"""Network services of an application, and the database users whose sessions may be ended."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from remediate.core.field_types import Form, FrozenModel, HostName, Port, UnitName


class Service(FrozenModel):
    """A network service that the application uses. Without a unit it is managed elsewhere and never restarted."""

    unit: UnitName | None = Field(
        default=None, description="systemd unit on this host, for example mariadb; absent = managed elsewhere"
    )
    host: HostName = Field(default="127.0.0.1", description="where the application reaches it, for example 127.0.0.1")
    port: Port = Field(description="TCP port")


PROTECTED_USERS: Final = (
    "(?i)^(?:root|mysql|mariadb|(?:mariadb|mysql)[.](?:sys|session|infoschema)|admin|debian-sys-maint|event_scheduler"
    "|pmm|remediate-db)$|repl|backup|dump|monitor|export"
)
"""Database users whose sessions are never ended: the server's own, replicas, backups, monitoring.

The pattern is one that both Python and the database server read.
"""


def is_protected(user: str) -> bool:
    """Return whether sessions of a database user are never ended, whatever they do."""
    return re.search(PROTECTED_USERS, user) is not None


def _application_user(value: str) -> str:
    if is_protected(value):
        raise ValueError("must be the application's own user, not one of the server, a replica, a backup or monitoring")
    return value


DATABASE_USER_NAME: Final = r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}$"
DatabaseUserName = Annotated[
    str, Form(DATABASE_USER_NAME, "a database user: letters, digits, '_', '.' and '-', at most 80")
]
DatabaseUser = Annotated[DatabaseUserName, AfterValidator(_application_user)]
"""A database user whose sessions may be ended."""

Seconds = Annotated[int, Field(ge=1, le=86400)]


class DatabaseLimits(FrozenModel):
    """The seconds that a session of the application may take while it holds up others."""

    lock_wait: Seconds = Field(default=10, description="waiting for a lock is trouble")
    idle_transaction: Seconds = Field(default=30, description="doing nothing in a transaction that others wait for")
    long_query: Seconds = Field(default=60, description="one query")
    idle: Seconds = Field(default=60, description="doing nothing while others get no connection")


class Redis(Service):
    """The application's Redis."""

    port: Port = Field(default=6379, description="TCP port")
    fallback: bool = Field(
        default=False, description="whether cache-down may keep the cache in files while this Redis cannot be fixed"
    )


class Database(Service):
    """The application's database."""

    port: Port = Field(default=3306, description="TCP port")
    user: DatabaseUser | None = Field(
        default=None,
        description="the application's own user there, for example shop: a playbook ends nobody else's sessions",
    )
    limits: DatabaseLimits = Field(
        default_factory=DatabaseLimits, description="seconds from which on sessions are too long"
    )
