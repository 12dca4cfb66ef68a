"""Inventory settings for prevention: monitors of a host (8.1) and maintenance limits (8.2)."""

from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from remediate.core.field_types import (
    AbsolutePath,
    ClassName,
    ConfigKey,
    Form,
    FrozenModel,
    HostName,
    PublicUrl,
    QueueName,
    Reference,
    UserName,
)
from remediate.core.vantage import Vantage

_QUOTABLE: Final = Form(
    r"^[^\x00-\x1f\x7f\"\\]{1,200}$", "text without control characters, '\"' and '\\', not empty, up to 200"
)
AlertName = Annotated[str, _QUOTABLE]
"""The name of a rule in Prometheus: any text without characters that need quoting."""
Instance = Annotated[str, _QUOTABLE]
"""Value of the label `instance`: web1.example.com:9100, https://www.example.com/."""
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "[::1]", "localhost"})
"""Names of the machine itself in an address, with and without brackets."""
FilePattern = Annotated[
    str, Form(r"^/[A-Za-z0-9._/*?@%+=:, -]{1,400}$", "an absolute path that may hold * and ?, as /srv/backups/*.sql.gz")
]
"""A shell pattern for files: an absolute path that may contain * and ?."""
ScratchPath = Annotated[
    str,
    Form(
        r"^(/[A-Za-z0-9_][A-Za-z0-9._-]*)+$",
        "an absolute path of letters, digits, '_', '.' and '-', at most 60 characters, as /var/tmp",
        max_length=60,
    ),
]
"""A directory for the files of a temporary database server.

It has at most 60 characters: unix(7) allows 108 bytes for the whole path of the server's socket.
"""
TableName = Annotated[str, Form(r"^[A-Za-z0-9_$-]{1,64}$", "a table's name: letters, digits, '_', '$' and '-'")]
_VOLATILE: Final = (
    *("cache", "cache_locks", "sessions", "jobs", "job_batches", "failed_jobs"),
    *("password_resets", "password_reset_tokens"),
)
"""Laravel's own tables, whose rows come and go within hours."""


class Prometheus(FrozenModel):
    """The Prometheus server that evaluates alert rules."""

    url: PublicUrl = Field(description="its address, for example http://127.0.0.1:9090")
    alertmanager: PublicUrl | None = Field(
        default=None, description="address of the Alertmanager that it sends to; reached from where Prometheus is"
    )
    vantage: Vantage = Field(default=Vantage.HOST, description="from where both are reached: host, controller")

    @property
    def on_host(self) -> bool:
        """True if it is certainly on the host itself."""
        return self.vantage is Vantage.HOST and self.url.host in LOOPBACK


class Visits(FrozenModel):
    """An access log that records a monitor's visits."""

    log: AbsolutePath = Field(description="access log (combined format) that the SSH user may read")
    agent: Annotated[str, Form(r"^[A-Za-z0-9 ._/+-]{3,80}$", "3 to 80 letters, digits, blanks and '._/+-'")] = Field(
        description="what the monitor calls itself, a part of its User-Agent, for example UptimeRobot"
    )
    within_minutes: Annotated[int, Field(ge=1, le=1440)] = Field(
        default=15, description="how long ago the last visit may be"
    )


class Endpoint(FrozenModel):
    """A page of a monitoring service that confirms a set-up. The controller reads it."""

    url: PublicUrl = Field(description="what is asked, by GET")
    token: Reference | None = Field(default=None, description="where the bearer token is (env:, file:, cmd:)")
    contains: Annotated[str, Field(min_length=1, max_length=200)] = Field(description="text that only a yes holds")

    @model_validator(mode="after")
    def _token_stays_secret(self) -> Self:
        if self.token is not None and self.url.scheme != "https" and self.url.host not in LOOPBACK:
            raise ValueError("has a token, and its url is not https: everybody on the way could read the token")
        return self


class Monitor(FrozenModel):
    """The monitoring of one thing; every part that is given has to confirm it."""

    alert: AlertName | None = Field(
        default=None, description="name of an alert rule in Prometheus, for example SiteDown"
    )
    instance: Instance | None = Field(
        default=None,
        description="label `instance` of the series about this host, for example web1:9100",
    )
    visits: Visits | None = Field(default=None, description="visits of a monitor to the site")
    endpoint: Endpoint | None = Field(default=None, description="a page of a monitoring service")

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.alert is None and self.visits is None and self.endpoint is None:
            raise ValueError("names nothing that watches: give it alert, visits or endpoint")
        if self.instance is not None and self.alert is None:
            raise ValueError("names an instance, and no alert that it would belong to")
        return self


class ErrorTrackingSettings(FrozenModel):
    """The application's reporting of exceptions to a service such as Flare."""

    key: ConfigKey = Field(
        default="flare.key", description="configuration key that holds the project's key, for example flare.key"
    )
    provider: ClassName = Field(
        default=r"Spatie\LaravelFlare\FlareServiceProvider",
        description="service provider of the client, for example Spatie\\LaravelFlare\\FlareServiceProvider",
    )
    url: PublicUrl | None = Field(default=None, description="where the host reports to; has to answer")
    endpoint: Endpoint | None = Field(default=None, description="a page of the service that says it gets reports")


class Monitoring(FrozenModel):
    """The monitoring of the host, one entry for each line of the runbook's checklist (8.1)."""

    prometheus: Prometheus | None = Field(default=None, description="where alert rules are evaluated")
    uptime: Monitor | None = Field(default=None, description="what sees that the site is down")
    error_tracking: ErrorTrackingSettings | None = Field(default=None, description="where exceptions are reported to")
    database: Monitor | None = Field(default=None, description="what sees that the database is down")
    queue: Monitor | None = Field(default=None, description="what sees that the queue grows")
    disk: Monitor | None = Field(default=None, description="what sees that a disk fills up")
    certificate: Monitor | None = Field(default=None, description="what sees that the certificate is about to expire")

    @model_validator(mode="after")
    def _alerts_have_a_place(self) -> Self:
        watching = (self.uptime, self.database, self.queue, self.disk, self.certificate)
        if self.prometheus is None and any(monitor is not None and monitor.alert is not None for monitor in watching):
            raise ValueError("names alerts, and prometheus is missing: where are they evaluated?")
        return self


class Backup(FrozenModel):
    """A backup of the application's database, and the host that proves it by a restore."""

    restore_on: HostName | None = Field(
        default=None,
        description="host that has the files and is not production, for example restore1; absent = the host itself",
    )
    files: FilePattern = Field(
        description="dumps on that host, for example /srv/backups/*.sql.gz (or .sql, .zip); the newest one counts"
    )
    max_age_hours: Annotated[int, Field(ge=1, le=24 * 31)] = Field(default=26, description="how old it may be")
    tolerance_percent: Annotated[float, Field(ge=0, le=100)] = Field(
        default=5, description="by how much the rows of a table may differ from the live one's"
    )
    volatile_tables: tuple[TableName, ...] = Field(
        default=_VOLATILE,
        description="tables whose rows come and go, for example sessions: they have to be there, but are not counted",
    )
    left_out_tables: tuple[TableName, ...] = Field(
        default=(), description="tables that the backup leaves out, for example telescope_entries"
    )
    seconds: Annotated[int, Field(ge=30, le=3500)] = Field(default=1800, description="how long a restore may take")
    scratch: ScratchPath = Field(
        default="/var/tmp",  # noqa: S108  # This is on the host, and a private directory is made in it.
        description="where it is restored, for example /var/tmp: on a disk with room for it, not in memory",
    )
    user: UserName | None = Field(
        default=None,
        description="as whom it is restored where the login is root, for example backup; able to read the files",
    )


class MaintenanceLimits(FrozenModel):
    """The limits from which regular maintenance (8.2) reports a finding."""

    error_growth: Annotated[float, Field(ge=1, le=100)] = Field(
        default=2, description="how many times as many errors of a class as before are a finding"
    )
    queues: tuple[QueueName, ...] = Field(
        default=("default",), min_length=1, description="queues that are looked at, for example default"
    )
    queue_waiting: Annotated[int, Field(ge=1)] = Field(default=1000, description="jobs from which on a queue is long")
    lists_days: Annotated[int, Field(ge=1, le=31)] = Field(
        default=3, description="days after which lists of packages say nothing about what is pending"
    )
    capacity_days: Annotated[int, Field(ge=1, le=365)] = Field(
        default=60, description="a disk that is full within so many days is a finding"
    )
