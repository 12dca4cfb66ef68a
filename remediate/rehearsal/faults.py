"""Faults as values: each breaks a disposable host in one way, says how, and undoes itself."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Final, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from remediate.errors import ConfigurationError
from remediate.host import AbsolutePath, PhpName, Port, ProgramName, UnitName, UserName

MARKER: Final = "/etc/remediate-staging"
"""Stands on hosts that may be broken on purpose; without it nothing is injected."""


class RootShell(Protocol):
    """A way to run a bash script as root that does not go over SSH."""

    @property
    def name(self) -> str:
        """The host's name."""

    def script(self, text: str, timeout: float = 60) -> str:
        """Run a script and return its output; raises when a command of it fails."""


class Fault(BaseModel, ABC):
    """One way to break a host. `inject` and `undo` refuse a host without the staging marker."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str

    @abstractmethod
    def describe(self) -> str:
        """Say what is broken, for a person."""

    @abstractmethod
    def breaking(self) -> str:
        """The bash script that breaks it."""

    @abstractmethod
    def mending(self) -> str:
        """The bash script that undoes it; harmless when nothing is broken."""

    def inject(self, host: RootShell) -> None:
        """Break the host. Raises ConfigurationError when it is not marked as a staging host."""
        _demand_marker(host)
        host.script(self.breaking())

    def undo(self, host: RootShell) -> None:
        """Undo it. Raises ConfigurationError when the host is not marked as a staging host."""
        _demand_marker(host)
        host.script(self.mending())


def _demand_marker(host: RootShell) -> None:
    if host.script(f"[ -f {MARKER} ] && echo marked || true").strip() != "marked":
        raise ConfigurationError(f"{host.name} does not carry {MARKER}: nothing is broken on a host that is not marked")


class UnitStopped(Fault):
    """A unit is stopped, as after a clumsy hand or a failed deploy."""

    kind: Literal["unit-stopped"] = "unit-stopped"
    unit: UnitName = Field(description="systemd unit")

    def describe(self) -> str:
        """See Fault."""
        return f"{self.unit} is stopped"

    def breaking(self) -> str:
        """See Fault."""
        return f"systemctl stop {self.unit}"

    def mending(self) -> str:
        """See Fault."""
        return f"systemctl start {self.unit}"


class UnitMasked(Fault):
    """A unit is stopped and masked: somebody wants it down."""

    kind: Literal["unit-masked"] = "unit-masked"
    unit: UnitName = Field(description="systemd unit")

    def describe(self) -> str:
        """See Fault."""
        return f"{self.unit} is stopped and masked"

    def breaking(self) -> str:
        """See Fault."""
        return f"systemctl mask --now {self.unit}"

    def mending(self) -> str:
        """See Fault."""
        return f"systemctl unmask {self.unit}; systemctl start {self.unit}"


class UnitFlapping(Fault):
    """A unit starts well and dies again after some seconds, every time."""

    kind: Literal["unit-flapping"] = "unit-flapping"
    unit: UnitName = Field(description="systemd service")
    lives: int = Field(default=4, ge=1, le=29, description="seconds that it lives")

    def describe(self) -> str:
        """See Fault."""
        return f"{self.unit} dies {self.lives} s after every start"

    @property
    def _drop_in(self) -> str:
        return f"/run/systemd/system/{self.unit}.service.d/remediate-fault.conf"

    def breaking(self) -> str:
        """See Fault."""
        return (
            f"mkdir -p {self._drop_in.rpartition('/')[0]}\n"
            f"printf '[Service]\\nRuntimeMaxSec={self.lives}\\nRestart=no\\n' > {self._drop_in}\n"
            f"systemctl daemon-reload\nsystemctl stop {self.unit}\n"
        )

    def mending(self) -> str:
        """See Fault."""
        return f"rm -f {self._drop_in}\nsystemctl daemon-reload\nsystemctl restart {self.unit}"


class LineAppended(Fault):
    """A configuration file has one more line, which its program does not accept; the unit is stopped or left alone."""

    kind: Literal["line-appended"] = "line-appended"
    path: AbsolutePath = Field(description="configuration file")
    line: str = Field(description="what is appended", pattern=r"^[^'\x00-\x1f]*$")
    stops: UnitName | None = Field(default=None, description="unit that is stopped as well")

    def describe(self) -> str:
        """See Fault."""
        also = f", and {self.stops} is stopped" if self.stops else ""
        return f"{self.path} ends with {self.line!r}{also}"

    def breaking(self) -> str:
        """See Fault."""
        stop = f"\nsystemctl stop {self.stops}" if self.stops else ""
        return f"cp -p '{self.path}' '{self.path}.remediate-fault'\nprintf '%s\\n' '{self.line}' >> '{self.path}'{stop}"

    def mending(self) -> str:
        """See Fault."""
        start = f"\nsystemctl start {self.stops}" if self.stops else ""
        return (
            f"if [ -f '{self.path}.remediate-fault' ]; then mv '{self.path}.remediate-fault' '{self.path}'; fi{start}"
        )


class SocketRemoved(Fault):
    """A listening socket's file is gone while its owner still runs: nobody can connect any more."""

    kind: Literal["socket-removed"] = "socket-removed"
    path: AbsolutePath = Field(description="socket file")
    unit: UnitName = Field(description="unit that makes it anew when restarted")

    def describe(self) -> str:
        """See Fault."""
        return f"{self.path} is gone while {self.unit} runs"

    def breaking(self) -> str:
        """See Fault."""
        return f"rm -f '{self.path}'"

    def mending(self) -> str:
        """See Fault."""
        return f"systemctl restart {self.unit}"


class UnitKilled(Fault):
    """The main process of a unit is killed with -9, as the kernel does when memory runs out."""

    kind: Literal["unit-killed"] = "unit-killed"
    unit: UnitName = Field(description="systemd service")

    def describe(self) -> str:
        """See Fault."""
        return f"{self.unit} was killed with -9"

    def breaking(self) -> str:
        """See Fault."""
        return f"kill -KILL $(systemctl show -p MainPID --value {self.unit}); sleep 0.3"

    def mending(self) -> str:
        """See Fault."""
        return f"systemctl reset-failed {self.unit} || true; systemctl restart {self.unit}"


class PoolHung(Fault):
    """The children of PHP-FPM are frozen: systemd calls it active, it accepts connections and answers none."""

    kind: Literal["pool-hung"] = "pool-hung"
    php: PhpName = Field(description="PHP's name")

    def describe(self) -> str:
        """See Fault."""
        return f"the children of {self.php}-fpm hang"

    def breaking(self) -> str:
        """See Fault."""
        return f"pkill -STOP -P $(systemctl show -p MainPID --value {self.php}-fpm)"

    def mending(self) -> str:
        """See Fault."""
        return f"systemctl restart {self.php}-fpm"


class PoolExhausted(Fault):
    """Every child of the pool works on a request that does not end, and more requests wait."""

    kind: Literal["pool-exhausted"] = "pool-exhausted"
    php: PhpName = Field(description="PHP's name")
    public: AbsolutePath = Field(description="directory that nginx serves")
    url: str = Field(description="address of that directory on the host", pattern=r"^https?://[a-z0-9.:/-]+$")

    def describe(self) -> str:
        """See Fault."""
        return f"all children of {self.php}-fpm work on requests that do not end"

    def breaking(self) -> str:
        """See Fault."""
        return (
            f"echo '<?php sleep(600);' > {self.public}/remediate-fault.php\n"
            f"for i in $(seq 12); do setsid -f curl -sk -m 600 -o /dev/null {self.url}/remediate-fault.php"
            " </dev/null >/dev/null 2>&1; done\nsleep 2\n"
        )

    def mending(self) -> str:
        """See Fault."""
        return (
            f"pkill -f remediate-fault.php; rm -f {self.public}/remediate-fault.php; systemctl restart {self.php}-fpm"
        )


class WorkersStopped(Fault):
    """Somebody stopped the queue workers and forgot them."""

    kind: Literal["workers-stopped"] = "workers-stopped"
    program: ProgramName = Field(description="supervisor group")

    def describe(self) -> str:
        """See Fault."""
        return f"the workers {self.program} are stopped"

    def breaking(self) -> str:
        """See Fault."""
        return f"supervisorctl stop '{self.program}:*'"

    def mending(self) -> str:
        """See Fault."""
        return f"supervisorctl start '{self.program}:*' || true"


class WorkersFatal(Fault):
    """The workers failed so often that supervisor gave up; what made them fail is over."""

    kind: Literal["workers-fatal"] = "workers-fatal"
    program: ProgramName = Field(description="supervisor group")
    script: AbsolutePath = Field(description="what they run: away for a while")

    def describe(self) -> str:
        """See Fault."""
        return f"supervisor gave the workers {self.program} up (FATAL)"

    def breaking(self) -> str:
        """See Fault."""
        given_up = f"supervisorctl status '{self.program}:*' | grep -vq FATAL"
        return (
            f"supervisorctl stop '{self.program}:*'\nmv {self.script} {self.script}.away\n"
            f"supervisorctl start '{self.program}:*' || true\n"
            f"for i in $(seq 60); do {given_up} || break; sleep 0.5; done\n"
            f"mv {self.script}.away {self.script}\n"
        )

    def mending(self) -> str:
        """See Fault."""
        restore = f"if [ -f {self.script}.away ]; then mv {self.script}.away {self.script}; fi"
        return f"{restore}\nsupervisorctl start '{self.program}:*' || true"


class WorkersCrashing(Fault):
    """The workers start well and die two seconds later, every time: supervisor shows them RUNNING."""

    kind: Literal["workers-crashing"] = "workers-crashing"
    program: ProgramName = Field(description="supervisor group")
    config: AbsolutePath = Field(description="supervisor's file for it")

    def describe(self) -> str:
        """See Fault."""
        return f"the workers {self.program} die two seconds after every start"

    def breaking(self) -> str:
        """See Fault."""
        return (
            f"cp -p {self.config} {self.config}.remediate-fault\n"
            f"sed -i 's|^command = .*|command = /bin/sh -c \"sleep 2; exit 1\"|' {self.config}\n"
            "supervisorctl update\nsleep 3\n"
        )

    def mending(self) -> str:
        """See Fault."""
        return (
            f"if [ -f {self.config}.remediate-fault ]; then mv {self.config}.remediate-fault {self.config}; fi\n"
            "supervisorctl update"
        )


class PortTaken(Fault):
    """A unit is stopped, and a stranger listens on its port and answers."""

    kind: Literal["port-taken"] = "port-taken"
    unit: UnitName = Field(description="unit that is stopped")
    port: Port = Field(description="port that the stranger takes")

    def describe(self) -> str:
        """See Fault."""
        return f"{self.unit} is stopped and a stranger listens on port {self.port}"

    def breaking(self) -> str:
        """See Fault."""
        stranger = (
            f"systemd-run --quiet --unit=remediate-stranger python3 -m http.server {self.port} --directory /var/empty"
        )
        return f"systemctl stop {self.unit}\nmkdir -p /var/empty\n{stranger}\nsleep 1"

    def mending(self) -> str:
        """See Fault."""
        return f"systemctl stop remediate-stranger || true; systemctl start {self.unit}"


class Maintenance(Fault):
    """The application is down for maintenance: on purpose, so nothing may mend it."""

    kind: Literal["maintenance"] = "maintenance"
    path: AbsolutePath = Field(description="directory that holds artisan")
    user: UserName = Field(default="forge", description="user the application runs as")

    def describe(self) -> str:
        """See Fault."""
        return "artisan down was run"

    def breaking(self) -> str:
        """See Fault."""
        return f"runuser -u {self.user} -- php {self.path}/artisan down"

    def mending(self) -> str:
        """See Fault."""
        return f"runuser -u {self.user} -- php {self.path}/artisan up"


class DeployRunning(Fault):
    """PHP-FPM is stopped while a deploy is under way."""

    kind: Literal["deploy-running"] = "deploy-running"
    unit: UnitName = Field(description="unit that the deploy has stopped")
    user: UserName = Field(default="forge", description="user the deploy runs as")
    seconds: int = Field(default=600, ge=1, description="how long it takes")

    def describe(self) -> str:
        """See Fault."""
        return f"a deploy is running, and {self.unit} is stopped"

    def breaking(self) -> str:
        """See Fault."""
        deploy = f"runuser -u {self.user} -- bash -c 'exec -a \"composer install --no-dev\" sleep {self.seconds}'"
        return f"setsid -f {deploy} </dev/null >/dev/null 2>&1\nsystemctl stop {self.unit}"

    def mending(self) -> str:
        """See Fault."""
        return f"pkill -u {self.user} -f '^composer install' || true\nsystemctl start {self.unit}"


class TableLocked(Fault):
    """Somebody holds a lock that every request waits for: PHP-FPM hangs, and it is not its fault."""

    kind: Literal["table-locked"] = "table-locked"
    database: str = Field(description="database name", pattern=r"^[A-Za-z0-9_]+$")

    def describe(self) -> str:
        """See Fault."""
        return f"every table of {self.database} is locked"

    def breaking(self) -> str:
        """See Fault."""
        lock = (
            f"tables=$(mariadb -NBe 'show tables' {self.database} | sed 's/$/ write/' | paste -sd,)\n"
            f'echo "lock tables $tables; select sleep(600)" > /run/remediate-fault.sql\n'
        )
        return f"{lock}setsid -f mariadb {self.database} </run/remediate-fault.sql >/dev/null 2>&1\nsleep 1"

    def mending(self) -> str:
        """See Fault."""
        return "pkill -x mariadb || true; rm -f /run/remediate-fault.sql"


_APP = "/home/forge/agency-platform"
_POOL = "/etc/php/8.2/fpm/pool.d/www.conf"

FAULTS: Final[Mapping[str, Fault]] = {
    "php-fpm-stopped": UnitStopped(unit="php8.2-fpm"),
    "php-fpm-killed": UnitKilled(unit="php8.2-fpm"),
    "php-fpm-masked": UnitMasked(unit="php8.2-fpm"),
    "php-fpm-flapping": UnitFlapping(unit="php8.2-fpm"),
    "php-fpm-broken": LineAppended(path=_POOL, line="nonsense = 1", stops="php8.2-fpm"),
    "php-fpm-socket": SocketRemoved(path="/run/php/php8.2-fpm.sock", unit="php8.2-fpm"),
    "php-fpm-hung": PoolHung(php="php8.2"),
    "php-fpm-exhausted": PoolExhausted(php="php8.2", public=f"{_APP}/public", url="https://staging.example.com"),
    "nginx-stopped": UnitStopped(unit="nginx"),
    "nginx-broken": LineAppended(path="/etc/nginx/nginx.conf", line="nonsense on;"),
    "nginx-stopped-broken": LineAppended(path="/etc/nginx/nginx.conf", line="nonsense on;", stops="nginx"),
    "nginx-port-taken": PortTaken(unit="nginx", port=80),
    "supervisor-stopped": UnitStopped(unit="supervisor"),
    "supervisor-killed": UnitKilled(unit="supervisor"),
    "workers-stopped": WorkersStopped(program="agency-worker"),
    "workers-fatal": WorkersFatal(program="agency-worker", script=f"{_APP}/artisan"),
    "workers-crashing": WorkersCrashing(program="agency-worker", config="/etc/supervisor/conf.d/agency-worker.conf"),
    "maintenance": Maintenance(path=_APP),
    "deploy-running": DeployRunning(unit="php8.2-fpm"),
    "database-locked": TableLocked(database="agency"),
}
"""The faults that `staging.break` knows on the stock staging host, by name."""
