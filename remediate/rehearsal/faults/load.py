"""Faults that use up CPU, one core at most, and end by themselves."""

from typing import Final, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.field_types import AbsolutePath, PhpName, UserName
from remediate.rehearsal.faults.fault import CLIENTS_ENDED, Fault, Url

_BURN = "while :; do :; done"
_AGED = "sleep 4\n"
"""Wait until the process is older than limits.process_age, which is 3 s on staging hosts."""

PROCESSOR: Final = "processor"
"""Name for what a runaway process disturbs: meanwhile everything else on the host is late."""


class Runaway(Fault):
    """A process of a user spins."""

    kind: Literal["runaway"] = "runaway"
    user: UserName = Field(description="whose process it is")
    seconds: int = Field(default=280, ge=1, le=300, description="after which it ends by itself")
    everywhere: bool = Field(default=False, description="whether one does on every core, so that others have to wait")
    respawns: bool = Field(default=False, description="whether somebody starts it again each time it has ended")

    @override
    def describe(self) -> str:
        again = ", and is started again each time" if self.respawns else ""
        what = "a process of {} for each core is" if self.everywhere else "a process of {} is"
        return f"{what.format(self.user)} in an endless loop for {self.seconds} s{again}"

    @override
    def disturbs(self) -> tuple[str, ...]:
        return ("remediate-runaway", PROCESSOR)

    @override
    def breaking(self) -> str:
        words = f"/bin/sh -c '{_BURN}' remediate-runaway"
        if self.respawns:
            words = f"/bin/bash -c 'while :; do {words}; done' remediate-again".replace(f"'{_BURN}'", f'"{_BURN}"')
        start = f"setsid -f timeout {self.seconds} {words} </dev/null >/dev/null 2>&1"
        waited = _AGED if self.seconds > 10 else f"sleep {self.seconds}\n"
        each = f"runuser -u {self.user} -- {start}"
        many = f'for core in $(seq "$(nproc)"); do {each}; done' if self.everywhere else each
        return f"{many}\n{waited}"

    @override
    def mending(self) -> str:
        return "pkill -KILL -f 'remediate-agai[n]' || true; pkill -KILL -f 'remediate-runawa[y]' || true"


class UnitRunaway(Fault):
    """The process of a service with Restart=always spins. When ended, it returns in two seconds."""

    kind: Literal["unit-runaway"] = "unit-runaway"
    user: UserName = Field(description="whose process it is")
    seconds: int = Field(default=280, ge=10, le=300, description="after which it is quiet by itself")

    @override
    def describe(self) -> str:
        return f"the process of a service with Restart=always is in an endless loop for {self.seconds} s"

    @override
    def disturbs(self) -> tuple[str, ...]:
        return ("remediate-sync", PROCESSOR)

    @override
    def breaking(self) -> str:
        properties = f"-p Restart=always -p RestartSec=1 -p User={self.user} -p RuntimeMaxSec={self.seconds}"
        burn = f'[ $(date +%s) -ge "$0" ] || timeout {self.seconds} sh -c "{_BURN}"; exec sleep infinity'
        until = f"$(($(date +%s) + {self.seconds}))"
        return f"systemd-run --quiet --unit=remediate-sync {properties} /bin/sh -c '{burn}' {until}\n{_AGED}"

    @override
    def mending(self) -> str:
        return "systemctl stop remediate-sync || true; systemctl reset-failed remediate-sync 2>/dev/null || true"


class PhpRunaway(Fault):
    """A child of PHP-FPM works on a request that never ends."""

    kind: Literal["php-runaway"] = "php-runaway"
    php: PhpName = Field(description="PHP's name")
    public: AbsolutePath = Field(description="directory that nginx serves")
    url: Url = Field(description="address of that directory on the host")
    seconds: int = Field(default=280, ge=1, le=300, description="after which it ends by itself")

    @override
    def describe(self) -> str:
        return f"a child of {self.php}-fpm is in an endless loop for {self.seconds} s"

    @override
    def disturbs(self) -> tuple[str, ...]:
        return (f"{self.php}-fpm", PROCESSOR)

    @override
    def breaking(self) -> str:
        page, burn = f"{self.public}/remediate-fault.php", f"$end = time() + {self.seconds}; while (time() < $end);"
        client = f"setsid -f curl -sk -m {self.seconds} -o /dev/null {self.url}/remediate-fault.php"
        return (
            f"echo '<?php set_time_limit({self.seconds}); {burn}' > {page}\n"
            f"{client} </dev/null >/dev/null 2>&1\n{_AGED}rm -f {page}\n"
        )

    @override
    def mending(self) -> str:
        return f"rm -f {self.public}/remediate-fault.php; systemctl restart {self.php}-fpm"


class QueryComputing(Fault):
    """A query of the application's never stops computing, so the database tops the process list."""

    kind: Literal["query-computing"] = "query-computing"
    path: AbsolutePath = Field(description="directory that holds artisan and .env")
    seconds: int = Field(default=280, ge=1, le=300, description="after which the database ends it by itself")

    @override
    def describe(self) -> str:
        return f"a query of the application runs for {self.seconds} s"

    @override
    def disturbs(self) -> tuple[str, ...]:
        return ("remediate-query", PROCESSOR)

    @override
    def breaking(self) -> str:
        sql = f"set max_statement_time={self.seconds}; select benchmark(1000000000000, md5('remediate-query'))"
        return (
            f'get() {{ sed -n "s/^$1=//p" {self.path}/.env; }}\n'
            "export MYSQL_PWD=$(get DB_PASSWORD)\n"
            f'setsid -f mariadb -h "$(get DB_HOST)" -u "$(get DB_USERNAME)" "$(get DB_DATABASE)" -e "{sql}" '
            f"</dev/null >/dev/null 2>&1\n{_AGED}"
        )

    @override
    def mending(self) -> str:
        return CLIENTS_ENDED
