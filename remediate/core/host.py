"""A host as the inventory describes it: its address and its application."""

from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from remediate.core.field_types import (
    AbsolutePath,
    ClassName,
    ConfigKey,
    EnvKey,
    EventType,
    Form,
    FrozenModel,
    HostName,
    PhpName,
    Port,
    ProgramName,
    PublicUrl,
    QueueName,
    UnitName,
    UrlPath,
    UserName,
)
from remediate.core.monitoring import Backup, MaintenanceLimits, Monitoring
from remediate.core.services import Database, Redis, Seconds
from remediate.core.ssh_target import SshTarget as SshTarget  # noqa: PLC0414  # Public here, beside Host.
from remediate.core.vantage import Vantage


def _acme_arguments(words: tuple[str, ...]) -> tuple[str, ...]:
    rest = iter(words)
    for word in rest:
        option, attached, value = word.partition("=")
        if option not in _FOR_ACME:
            raise ValueError(f"{option} is not for an inventory to set: only {', '.join(sorted(_FOR_ACME))} are")
        value = value if attached else next(rest, "")
        if not value or value.startswith("-"):
            raise ValueError(f"{option} needs a value")
    return words


_FOR_ACME = frozenset(
    {"--server", "--preferred-chain", "--preferred-challenges", "--issuance-timeout"}
    | {"--key-type", "--rsa-key-size", "--elliptic-curve"}
)
"""Options for the origin and kind of a certificate, in full: certbot also accepts abbreviations.

Other options run any command as root, get certificates that nobody trusts, or change what the remedy does.
"""

AcmeArgument = Annotated[str, Form(r"^[A-Za-z0-9@%+=:,./_-]{1,200}$", "letters, digits and '@%+=:,./_-', up to 200")]
AcmeArguments = Annotated[tuple[AcmeArgument, ...], AfterValidator(_acme_arguments)]


class Certificate(FrozenModel):
    """The TLS certificate that the public sees."""

    name: HostName = Field(description="certbot lineage name, for example www.example.com")
    domain: HostName = Field(description="name the public asks for (SNI), for example www.example.com")
    port: Port = Field(default=443, description="TCP port it is served on")
    renew_within_days: Annotated[int, Field(ge=1, le=90)] = Field(
        default=30, description="days before expiry from which a renewal is due"
    )
    acme_args: AcmeArguments = Field(default=(), description="extra certbot arguments, for example --key-type")
    ca: AbsolutePath | None = Field(
        default=None, description="PEM file on the host: the authority that signs it, if not one the host trusts"
    )


class Limits(FrozenModel):
    """The use of resources that counts as trouble under high load."""

    cpu: Annotated[int, Field(ge=10, le=100)] = Field(
        default=80, description="percent of one core from which a process counts as running away"
    )
    memory: Annotated[int, Field(ge=5, le=95)] = Field(
        default=50, description="percent of the memory from which one process, or one pool, has too much"
    )
    process_age: Annotated[int, Field(ge=1, le=86400)] = Field(
        default=300, description="seconds a process must have lived before it counts as running away"
    )
    sample: Annotated[int, Field(ge=1, le=15)] = Field(
        default=3, description="seconds over which the CPU of processes is measured"
    )
    disk: Annotated[int, Field(ge=50, le=100)] = Field(
        default=95, description="percent of a file system, in bytes or in inodes, from which it counts as full"
    )
    query_seconds: Annotated[int, Field(ge=1, le=86400)] = Field(
        default=30, description="seconds from which a running query counts as slow"
    )
    journal_mib: Annotated[int, Field(ge=16, le=65536)] = Field(
        default=256, description="MiB of the journal that are kept when its disk is full"
    )


class PaymentJob(FrozenModel):
    """A class of queued jobs that moves money, and permission to retry failed ones unasked."""

    name: ClassName = Field(description="PHP class, for example App\\Jobs\\RecordStripePayment")
    idempotent: bool = Field(default=False, description="whether running one twice does no more than running it once")
    max_age_hours: Annotated[int, Field(ge=1, le=720)] = Field(
        default=24, description="how old a failed one may be: a provider forgets idempotency keys after a day"
    )


class Payments(FrozenModel):
    """The payment provider's events, and the application's jobs for them."""

    signature: Literal["stripe"] = Field(default="stripe", description="how the provider signs its events")
    secret: ConfigKey = Field(
        default="services.stripe.webhook_secret",
        description="configuration key that holds the signing secret, for example services.stripe.webhook_secret",
    )
    secret_env: EnvKey = Field(
        default="STRIPE_WEBHOOK_SECRET",
        description="key in .env that the secret comes from, for example STRIPE_WEBHOOK_SECRET",
    )
    harmless_event: EventType | None = Field(
        default=None,
        description="event type that the application accepts and does nothing for, for example ping.test",
    )
    access_log: AbsolutePath | None = Field(
        default=None, description="access log (combined format) that app_user may read: what the provider was answered"
    )
    jobs: tuple[PaymentJob, ...] = Field(default=(), description="the classes of jobs that payments consist of")
    queues: tuple[QueueName, ...] = Field(
        default=("default",), min_length=1, description="queues those jobs go through, for example default"
    )

    @model_validator(mode="after")
    def _once(self) -> Self:
        names = [job.name.lower() for job in self.jobs]
        if len(set(names)) < len(names):
            raise ValueError("jobs names a class twice")
        return self


class Queue(FrozenModel):
    """The limits for a queue in which jobs wait and none is taken."""

    patience: Seconds = Field(
        default=120, description="seconds that a job may wait while none is taken, where the driver tells (database)"
    )
    left_alone: tuple[QueueName, ...] = Field(
        default=(),
        description="queues that may stand still: worked off at night, or by other servers, for example reports",
    )


class Links(FrozenModel):
    """Pages for tasks without a command. A run or the declaration of an incident shows them."""

    database_console: PublicUrl | None = Field(default=None, description="the database provider's console")
    payments_dashboard: PublicUrl | None = Field(default=None, description="the payment provider's dashboard")
    forge: PublicUrl | None = Field(default=None, description="the server's page at the hosting panel")
    error_tracking: PublicUrl | None = Field(default=None, description="where exceptions are collected")
    monitoring: PublicUrl | None = Field(default=None, description="where alerts are set up")


class Settings(FrozenModel):
    """The settings under `remediate:` in an inventory, merged from groups to host."""

    production: bool = Field(default=True, description="changes ask for consent unless this is false")
    disposable: bool = Field(default=False, description="faults may be injected here (with production: false)")
    host_key: Annotated[str, Form(r"^SHA256:[A-Za-z0-9+/]{43}$", "SHA256: and 43 characters")] | None = Field(
        default=None, description="pinned SSH host key, as ssh-keygen -l prints it: SHA256: and 43 characters"
    )
    site_url: PublicUrl | None = Field(default=None, description="the site as the public sees it")
    site_vantage: tuple[Vantage, ...] = Field(
        default=(Vantage.HOST, Vantage.CONTROLLER),
        min_length=1,
        description="where site_url must be right as seen from",
    )
    site_resolve: Annotated[str, Form(r"^(\[[0-9a-fA-F:]+\]|[0-9.]+):[0-9]{1,5}$", "ADDRESS:PORT")] | None = Field(
        default=None,
        description="address:port for the controller's request where DNS is not the truth, for example 192.0.2.7:443",
    )
    site_contains: str | None = Field(default=None, max_length=200, description="text that the right page holds")
    site_ca: Path | None = Field(default=None, description="PEM file of authorities the controller trusts for site_url")
    health_path: UrlPath | None = Field(
        default=None,
        description="path below site_url that answers 200 while the application is healthy, for example /health",
    )
    app_path: AbsolutePath | None = Field(default=None, description="directory that holds artisan")
    app_user: UserName = Field(default="forge", description="user the application runs as, for example www-data")
    app_servers: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="how many servers run this application; unknown counts as several"
    )
    php: PhpName | None = Field(default=None, description="PHP's name, for example php8.3; discovered when absent")
    nginx_unit: UnitName = Field(default="nginx", description="systemd unit of the web server, for example nginx")
    worker_program: ProgramName | None = Field(
        default=None, description="supervisor group or program of the queue workers, for example shop-worker"
    )
    queue: Queue = Field(default_factory=Queue, description="from when on a queue that does not move is trouble")
    database: Database | None = Field(default=None, description="the application's database")
    redis: Redis | None = Field(default=None, description="the application's Redis")
    certificate: Certificate | None = Field(default=None, description="the certificate the public is served")
    webhook_path: UrlPath | None = Field(
        default=None, description="path of the payment provider's webhook, for example /webhooks/stripe"
    )
    payments: Payments | None = Field(default=None, description="the payment provider's events and jobs")
    protected_processes: tuple[ProgramName, ...] = Field(
        default=(), description="processes that are never ended, whatever they use, for example mariadbd"
    )
    log_paths: tuple[AbsolutePath, ...] = Field(
        default=(), description="log files that may be shortened on a full disk"
    )
    restartable_units: tuple[UnitName, ...] = Field(
        default=(),
        description="units of the application, for example shop-import, that may be restarted when they use too much",
    )
    limits: Limits = Field(default_factory=Limits, description="from which use on something counts as trouble")
    monitoring: Monitoring = Field(default_factory=Monitoring, description="what watches the host")
    backup: Backup | None = Field(default=None, description="the backup of its database, and where it is restored")
    maintenance: MaintenanceLimits = Field(
        default_factory=MaintenanceLimits, description="from when on regular maintenance finds something wrong"
    )
    links: Links = Field(default_factory=Links, description="pages that a person is sent to, for what has no command")


_NOT_ABOUT_IT: Final = frozenset({"production", "disposable", "host_key"})
"""Settings that say nothing about what runs on a host."""


class Host(FrozenModel):
    """One machine of the inventory: pure data, hashable, picklable."""

    name: str = Field(description="its name in the inventory")
    groups: tuple[str, ...] = Field(default=(), description="the groups it is in, nearest last")
    ssh: SshTarget = Field(description="how to reach it")
    settings: Settings = Field(default_factory=Settings, description="what the application on it looks like")
    read_with: tuple[str, ...] = Field(default=(), description="Ansible's programs that read parts of its entry")
    vaulted: tuple[SecretStr, ...] = Field(default=(), description="values that were encrypted, masked in all output")

    @property
    def secrets(self) -> tuple[str, ...]:
        """The values of its inventory entry that were encrypted."""
        return tuple(secret.get_secret_value() for secret in self.vaulted)

    @property
    def undescribed(self) -> str:
        """The end of an error message about a host whose inventory entry describes no application; else empty."""
        if self.settings.model_fields_set - _NOT_ABOUT_IT:
            return ""
        return f"; its inventory says nothing about what runs there: init --host {self.name} shows it"

    @property
    def shown_address(self) -> str:
        """The address for output."""
        return "encrypted" if self.ssh.address in self.secrets else self.ssh.address
