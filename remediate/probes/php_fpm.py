"""PHP-FPM's configuration check, and the answers of its pools."""

import re
from enum import Enum
from typing import ClassVar, Literal

from pydantic import Field, ValidationError
from typing_extensions import override

from remediate.core.command import ROOT, Output, Run
from remediate.core.field_types import FrozenModel, PhpName, UserName
from remediate.core.probe import Fact, Probe, last_line
from remediate.errors import Unreadable
from remediate.probes.config import ConfigCheck, ConfigState
from remediate.probes.php import answered, ask_php

_CONFIG_ERROR = 78
"""Exit status of `php-fpm -t` for a broken configuration (sysexits.h, EX_CONFIG).

Some other failures have it as well: see parse.
"""
_PLACED = re.compile(r"ERROR: \[(?P<file>/[^\]:]+):(?P<line>[0-9]+)\] (?P<message>.*)")
_ERROR = re.compile(r"(ERROR|ALERT): (?P<message>.*)")
_ENVIRONMENT = re.compile(r"Read-only file system|No space left|Permission denied|Too many open files|Cannot allocate")


def unit_of(php: str) -> str:
    """Return the systemd unit of a PHP's FPM, as Debian and Ubuntu name it."""
    return f"{php}-fpm"


class PhpFpmConfig(Probe[ConfigCheck]):
    """Ask PHP-FPM to check its configuration.

    It runs as root: as another user it fails on its log file. Side effect: it opens the error log of the configuration
    for appending and creates it if it is missing, which a start would do as well.
    """

    brief: ClassVar[bool] = True

    kind: Literal["php-fpm.config"] = "php-fpm.config"
    php: PhpName = Field(description="PHP's name, for example php8.3")

    @override
    def label(self) -> str:
        return f"php-fpm{self.php.removeprefix('php')} -t"

    @override
    def command(self) -> Run:
        return Run.of(f"/usr/sbin/php-fpm{self.php.removeprefix('php')}", "-t", user=ROOT, seconds=10)

    @override
    def parse(self, output: Output) -> ConfigCheck:
        if output.exit == 0:
            return ConfigCheck(state=ConfigState.SOUND)
        lines = output.stderr.splitlines()
        for line in lines:
            if _ENVIRONMENT.search(line):
                return ConfigCheck(state=ConfigState.UNCHECKED, message=line.strip())
        for line in lines:
            if placed := _PLACED.search(line):
                return ConfigCheck.placed(placed, self.label())
        errors = [found["message"] for line in lines if (found := _ERROR.search(line))]
        state = ConfigState.BROKEN if output.exit == _CONFIG_ERROR else ConfigState.UNCHECKED
        return ConfigCheck(state=state, message=errors[0] if errors else last_line(output.stderr))


class Ping(Enum):
    """The result of one request that was sent directly to a pool. Any answer counts."""

    ANSWERED = "answered"
    SILENT = "silent"
    FULL = "full"
    REFUSED = "refused"
    FORBIDDEN = "forbidden"


IDLE_TICKS = 1
"""CPU, in clock ticks, that waiting children use in some seconds for timers and signals."""


class PoolState(FrozenModel):
    """One pool: its answer, its queue, and the CPU use of its children."""

    name: str
    listen: str
    ping: Ping
    listens: bool = Field(description="whether any process listens there, also when nobody can connect any more")
    queue: int = Field(description="connections waiting to be accepted")
    children: int
    max_children: int
    ticks: int = Field(description="CPU that its children used while it was asked, in clock ticks")

    @property
    def waiting(self) -> bool:
        """True if the pool has left the request unaccepted for seconds."""
        return self.ping is Ping.FULL or (self.ping is Ping.SILENT and self.queue > 0)

    @property
    def stuck(self) -> bool:
        """True if no request is accepted and no child does anything."""
        return self.waiting and self.ticks <= IDLE_TICKS

    @property
    def busy(self) -> bool:
        """True if no request is accepted because the children work."""
        return self.waiting and self.ticks > IDLE_TICKS

    @property
    def gone(self) -> bool:
        """True if a process listens but nobody can connect, because the socket file was removed."""
        return self.ping is Ping.REFUSED and self.listens

    def describe(self) -> str:
        """Return the pool's state as text."""
        match self.ping:
            case Ping.ANSWERED:
                return "answers"
            case Ping.REFUSED if self.listens:
                return f"nobody can connect to {self.listen}"
            case Ping.REFUSED:
                return f"nothing listens on {self.listen}"
            case Ping.FORBIDDEN:
                return f"{self.listen} is closed to this user"
            case _:
                return f"does not answer, {self.queue} wait, its children {'work' if self.busy else 'do nothing'}"


class PoolsState(Fact):
    """The pools of one PHP-FPM."""

    pools: tuple[PoolState, ...]

    @property
    def gone(self) -> PoolState | None:
        """The first pool that nobody can connect to any more."""
        return next((pool for pool in self.pools if pool.gone), None)

    @property
    def stuck(self) -> PoolState | None:
        """The first pool that accepts no request and does nothing."""
        return next((pool for pool in self.pools if pool.stuck), None)

    @property
    def busy(self) -> PoolState | None:
        """The first pool that accepts no request because it works."""
        return next((pool for pool in self.pools if pool.busy), None)

    @property
    @override
    def ok(self) -> bool | None:
        if not self.pools or any(pool.ping is Ping.FORBIDDEN for pool in self.pools):
            return None
        if all(pool.ping is Ping.ANSWERED for pool in self.pools):
            return True
        return False if any(pool.ping is Ping.REFUSED or pool.waiting for pool in self.pools) else None

    @override
    def describe(self) -> str:
        return "; ".join(f"{pool.name}: {pool.describe()}" for pool in self.pools) or "none configured"


class Pools(Probe[PoolsState]):
    """Ask each pool directly, over FastCGI.

    systemd calls a hung PHP-FPM active, and it still accepts connections: only an answer proves that it works. Any
    answer counts, so `ping.path` need not be configured. The request reaches no code of the application.
    """

    kind: Literal["php-fpm.pools"] = "php-fpm.pools"
    subject = "pool"
    php: PhpName = Field(description="PHP's name, for example php8.3")
    user: UserName = Field(description="user that may connect to the pools: the application's")
    patience: int = Field(default=3, ge=1, le=20, description="seconds to wait for an answer")

    @override
    def command(self) -> Run:
        directory = f"/etc/php/{self.php.removeprefix('php')}/fpm/pool.d"
        words, seconds = (directory, str(self.patience), unit_of(self.php)), self.patience * 3 + 5
        return ask_php(self.php, "pools", *words, user=self.user, seconds=seconds, options=("-n",))

    @override
    def parse(self, output: Output) -> PoolsState:
        try:
            return PoolsState.model_validate({"pools": answered(self.label(), output)})
        except ValidationError:
            raise Unreadable(f"{self.label()}: unexpected answer from PHP") from None
