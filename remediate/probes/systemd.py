"""The state of a systemd unit, and its last log lines."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import ClassVar, Literal, Self

from pydantic import Field
from typing_extensions import override

from remediate.core.command import ROOT, Output, Run
from remediate.core.field_types import UnitName
from remediate.core.probe import Batch, Fact, Probe, last_line, whole_number
from remediate.errors import Unreadable

SYSTEMCTL = "/usr/bin/systemctl"
JOURNALCTL = "/usr/bin/journalctl"

_PROPERTIES = (
    "LoadState",
    "ActiveState",
    "SubState",
    "UnitFileState",
    "Result",
    "InvocationID",
    "MainPID",
    "NRestarts",
    "Job",
    "ExecMainCode",
    "ExecMainStatus",
    "ActiveEnterTimestampMonotonic",
    "StateChangeTimestamp",
)

_CLD_EXITED = "1"
"""ExecMainCode of a process that exited by itself (waitid(2)). The other values mean that a signal ended it."""


def full_name(unit: str) -> str:
    """Return a unit's name with its type, `.service` if it has none (systemctl(1))."""
    return unit if "." in unit.rpartition("/")[2] and unit.rsplit(".", 1)[1] in _TYPES else f"{unit}.service"


_TYPES = frozenset({"service", "socket", "timer", "target", "path", "mount", "slice", "scope"})


class UnitState(Fact):
    """The state of a unit in systemd.

    Active does not mean serving: only a request through the unit shows that.
    """

    load: str = Field(description="loaded, masked, not-found, error, bad-setting")
    active: str = Field(description="active, inactive, failed, activating, deactivating, reloading")
    sub: str = Field(description="the finer state: running, dead, auto-restart, …")
    file: str = Field(description="enabled, disabled, static, masked, …")
    result: str = Field(description="why it last ended: success, exit-code, signal, start-limit-hit, …")
    invocation: str = Field(description="a new one for every start (systemd.exec(5), $INVOCATION_ID)")
    main_pid: int = Field(description="0 when there is none")
    restarts: int = Field(description="automatic restarts since it was last started by hand")
    job: int = Field(description="the queued or running systemd job on it, 0 when there is none")
    exit: str = Field(description="how the main process last ended, empty when it never did")
    active_since: float | None = Field(description="seconds of the host's monotonic clock")
    changed_at: datetime | None = Field(description="wall clock of the host, UTC")

    @property
    def healthy(self) -> bool:
        """True if it is active, and no job is about to change that."""
        return self.active == "active" and self.job == 0

    @property
    def masked(self) -> bool:
        """True if a person masked it, so that it cannot be started."""
        return self.load == "masked"

    @property
    def missing(self) -> bool:
        """True if systemd does not know it."""
        return self.load == "not-found"

    @property
    def changing(self) -> bool:
        """True if it is on its way to another state by a job that somebody started."""
        return self.job != 0 or self.active in {"deactivating", "reloading"} or self._starting

    @property
    @override
    def settling(self) -> bool:
        return self.changing or self.active == "activating"

    @property
    def _starting(self) -> bool:
        return self.active == "activating" and self.sub != "auto-restart"

    @property
    @override
    def ok(self) -> bool | None:
        return self.healthy

    @property
    @override
    def since(self) -> float | None:
        return self.active_since if self.active == "active" else None

    @property
    @override
    def incarnation(self) -> str | None:
        return f"invocation {self.invocation} pid {self.main_pid} restarts {self.restarts}"

    @override
    def describe(self) -> str:
        if self.masked or self.missing:
            return "masked" if self.masked else "not installed"
        words = [self.active if self.sub in {"running", "dead", "failed"} else f"{self.active} ({self.sub})"]
        if self.active != "active" and self.changed_at is not None:
            words.append(f"since {self.changed_at:%H:%M:%SZ}")
        if self.active == "failed" or self.sub == "auto-restart":
            words.append(f"({self.result if self.result != 'exit-code' else self.exit})")
        if self.restarts:
            words.append(f"restarted {self.restarts} times by systemd")
        return " ".join(words)


_SHOW = ("env", "TZ=UTC", "systemctl", "show", f"--property={','.join(_PROPERTIES)}", "--")


class ShownTogether(Batch):
    """Several units, shown by one systemctl with an empty line between two of them."""

    @override
    def command(self, asked: Sequence[Run]) -> Run:
        return Run.of(*_SHOW, *(run.argv[-1] for run in asked), seconds=5)

    @override
    def split(self, asked: Sequence[Run], output: Output) -> Sequence[Output | None]:
        shown = output.stdout.removesuffix("\n").split("\n\n")
        if output.exit != 0 or output.cut or len(shown) != len(asked):
            return [None] * len(asked)
        return [Output(stdout=f"{each}\n") for each in shown]


class Unit(Probe[UnitState]):
    """Ask systemd for the state of one unit."""

    brief: ClassVar[bool] = True

    kind: Literal["systemd.unit"] = "systemd.unit"
    name: UnitName = Field(description="unit name; .service is assumed")

    @override
    def label(self) -> str:
        return full_name(self.name).removesuffix(".service")

    @override
    def command(self) -> Run:
        # TZ=UTC replaces the host's time zone, because --timestamp=utc does not exist before systemd 247. The list of
        # properties keeps the answer the same, byte for byte, as long as nothing happens to the unit.
        return Run.of(*_SHOW, full_name(self.name), seconds=5)

    @override
    def batch(self) -> "ShownTogether":
        return ShownTogether()

    @override
    def parse(self, output: Output) -> UnitState:
        if output.exit != 0:
            raise Unreadable(f"{self.label()}: systemctl show: {last_line(output.stderr)}")
        got = dict(line.split("=", 1) for line in output.stdout.splitlines() if "=" in line)
        missing = [name for name in _PROPERTIES if name not in got and name not in _ABSENT_WHEN_EMPTY]
        if missing:
            raise Unreadable(f"{self.label()}: systemctl show did not print {', '.join(missing)}")
        since = whole_number(got["ActiveEnterTimestampMonotonic"], self.label())
        return UnitState(
            load=got["LoadState"],
            active=got["ActiveState"],
            sub=got["SubState"],
            file=got["UnitFileState"],
            result=got.get("Result", ""),
            invocation=got["InvocationID"],
            main_pid=whole_number(got.get("MainPID", "0"), self.label()),
            restarts=whole_number(got.get("NRestarts", "0"), self.label()),
            job=whole_number(got.get("Job", "").split(" ")[0] or "0", self.label()),
            exit=_exit(got.get("ExecMainCode", "0"), got.get("ExecMainStatus", "0")),
            active_since=since / 1e6 if since else None,
            changed_at=_utc(got.get("StateChangeTimestamp", "")),
        )


_ABSENT_WHEN_EMPTY = frozenset({"Job", "MainPID", "NRestarts", "Result", "ExecMainCode", "ExecMainStatus"})
"""Properties that systemctl omits for units without a job, or of a type without processes."""


def _exit(code: str, status: str) -> str:
    if code == "0":
        return ""
    return f"exit {status}" if code == _CLD_EXITED else f"signal {status}"


def _utc(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%a %Y-%m-%d %H:%M:%S UTC").replace(tzinfo=UTC)
    except ValueError:
        return None


class LogLines(Fact):
    """The last lines of a log, for a person to read. No remedy acts on them."""

    lines: tuple[str, ...]

    @classmethod
    def read(cls, label: str, output: Output) -> Self:
        """Return the lines as they came. Raises Unreadable if the program that reads them failed."""
        if output.exit != 0:
            raise Unreadable(f"{label}: {last_line(output.stderr)}")
        return cls(lines=tuple(line.rstrip() for line in output.stdout.splitlines() if line.strip()))

    @override
    def describe(self) -> str:
        return self.lines[-1] if self.lines else "no lines"


class UnitLog(Probe[LogLines]):
    """The last lines that a unit wrote to the journal, to show why it failed."""

    brief: ClassVar[bool] = True

    kind: Literal["systemd.unit-log"] = "systemd.unit-log"
    name: UnitName = Field(description="unit name; .service is assumed")
    lines: int = Field(default=8, ge=1, le=50, description="how many lines")

    @override
    def label(self) -> str:
        return f"log of {full_name(self.name).removesuffix('.service')}"

    @override
    def command(self) -> Run:
        return Run.of(
            *(JOURNALCTL, "--quiet", "--no-pager", "--utc", "--output=short-iso", f"--lines={self.lines}"),
            f"--unit={full_name(self.name)}",
            user=ROOT,
            seconds=5,
        )

    @override
    def parse(self, output: Output) -> LogLines:
        return LogLines.read(self.label(), output)
