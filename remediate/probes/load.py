"""The machine's load and memory, and the queries that keep its database busy."""

import re
from typing import Any, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.command import Output, Run
from remediate.core.field_types import FrozenModel
from remediate.core.probe import Fact, Probe, last_line
from remediate.errors import Unreadable
from remediate.probes.php import AppProbe

_LOAD = r"""
echo "loadavg $(cat /proc/loadavg)"
echo "cores $(nproc)"
echo "container $(systemd-detect-virt --container 2>/dev/null)"
grep -E '^(MemTotal|MemAvailable|SwapTotal|SwapFree):' /proc/meminfo
"""


class MachineLoad(Fact):
    """Load and memory of the whole machine; in a container, of the machine around it."""

    load: tuple[float, float, float] = Field(description="load average of 1, 5 and 15 minutes")
    cores: int
    total_kib: int
    available_kib: int = Field(description="memory that could be had without swapping")
    swap_kib: int
    swap_free_kib: int
    container: bool = Field(description="whether these are numbers of a machine that others use as well")

    @property
    def _swapped(self) -> int:
        return (self.swap_kib - self.swap_free_kib) * 100 // self.swap_kib if self.swap_kib else 0

    @property
    @override
    def ok(self) -> bool | None:
        return self.container or (self.available_kib * 100 >= self.total_kib * 5 and self._swapped < 90)

    @override
    def describe(self) -> str:
        used = 100 - self.available_kib * 100 // max(1, self.total_kib)
        swap = f", swap {self._swapped} %" if self.swap_kib else ""
        whose = " (of the machine around this container)" if self.container else ""
        return f"{self.load[0]:g} on {self.cores} cores, memory {used} %{swap}{whose}"


class Load(Probe[MachineLoad]):
    """Ask the kernel for load average, memory and swap. No remedy acts on them."""

    kind: Literal["machine.load"] = "machine.load"
    subject = "load"

    @override
    def command(self) -> Run:
        return Run.of("sh", "-c", _LOAD, seconds=5)

    @override
    def parse(self, output: Output) -> MachineLoad:
        found = dict(line.split(maxsplit=1) for line in output.stdout.splitlines() if len(line.split()) > 1)
        sizes = {key.removesuffix(":"): _KIB.fullmatch(value.strip()) for key, value in found.items() if key[-1] == ":"}
        average, cores = _LOADAVG.match(found.get("loadavg", "")), found.get("cores", "")
        memory = [sizes.get(name) for name in ("MemTotal", "MemAvailable", "SwapTotal", "SwapFree")]
        if average is None or not re.fullmatch(r"[0-9]{1,6}", cores) or None in memory:
            raise Unreadable(f"load: /proc/loadavg or /proc/meminfo: {last_line(output.stderr)}")
        total, available, swap, free = (int(match[1]) for match in memory if match is not None)
        return MachineLoad(
            load=(float(average[1]), float(average[2]), float(average[3])),
            cores=int(cores),
            total_kib=total,
            available_kib=available,
            swap_kib=swap,
            swap_free_kib=free,
            container=found.get("container", "none").strip() != "none",
        )


_KIB = re.compile(r"([0-9]{1,18}) kB")
_LOADAVG = re.compile(r"([0-9]{1,9}\.[0-9]{2}) ([0-9]{1,9}\.[0-9]{2}) ([0-9]{1,9}\.[0-9]{2}) ")


class SlowQuery(FrozenModel):
    """One running statement, without its values."""

    id: int = Field(description="of the connection; another statement may have it in a moment")
    user: str
    database: str
    seconds: int
    state: str
    statement: str = Field(description="with a question mark in the place of every value")

    def describe(self) -> str:
        """Return the query, its user and its duration as text."""
        return f"query {self.id} of {self.user} on {self.database}, for {self.seconds} s: `{self.statement}`"


class QueryList(Fact):
    """The queries that have been running for long."""

    queries: tuple[SlowQuery, ...]

    @property
    @override
    def ok(self) -> bool | None:
        return not self.queries

    @override
    def describe(self) -> str:
        more = f", and {len(self.queries) - 1} more" if len(self.queries) > 1 else ""
        return f"{self.queries[0].describe()}{more}" if self.queries else "none"


class SlowQueries(AppProbe[QueryList]):
    """Ask the application's database for long-running queries, with the application's own configuration."""

    kind: Literal["database.slow-queries"] = "database.slow-queries"
    subject = "slow queries"
    program = "queries"
    seconds: int = Field(default=30, ge=1, le=86400, description="seconds from which a query counts")

    @override
    def command(self) -> Run:
        return self.ask(str(self.seconds))

    @override
    def understand(self, answer: Any) -> QueryList:
        match answer:
            case {"failed": int(code)}:
                raise Unreadable(f"{self.label()}: the database does not answer the application (error {code})")
            case {"queries": list(queries)}:
                return QueryList(queries=tuple(_query(each) for each in queries))
        raise TypeError


def _query(told: object) -> SlowQuery:
    match told:
        case {
            "id": int(number),
            "user": str(user),
            "database": str(database),
            "seconds": int(seconds),
            "state": str(state),
            "statement": str(statement),
        }:
            words = {"user": user, "database": database, "state": state, "statement": statement}
            return SlowQuery(id=number, seconds=seconds, **{key: " ".join(each.split()) for key, each in words.items()})
    raise TypeError
