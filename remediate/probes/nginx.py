"""Nginx's configuration check, and the last lines of its error logs."""

import re
from typing import ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.command import ROOT, Output, Run
from remediate.core.field_types import FrozenModel
from remediate.core.probe import Fact, Probe, last_line, whole_number
from remediate.errors import Unreadable
from remediate.probes.config import ConfigCheck, ConfigState, NameConflict
from remediate.programs.logs import nginx_logs

_PLACED = re.compile(r"\[emerg\] (?:[0-9]+#[0-9]+: )?(?P<message>.*) in (?P<file>/\S+):(?P<line>[0-9]+)$")
_EMERG = re.compile(r"\[emerg\] (?:[0-9]+#[0-9]+: )?(?P<message>.*)")
_CONFLICT = re.compile(
    r"\[warn\] (?:[0-9]+#[0-9]+: )?conflicting server name \"(?P<name>[^\"\s]+)\" on (?P<address>\S+), ignored$",
    re.MULTILINE,
)
_ENVIRONMENT = re.compile(r"\((13|23|24|28|30): ")
"""errno of messages about the machine, not the configuration: EACCES, ENFILE, EMFILE, ENOSPC, EROFS."""


class NginxConfig(Probe[ConfigCheck]):
    """Ask nginx to check its configuration, as root: others cannot read certificate keys.

    Side effects: nginx opens the pid file and the logs for writing, creates what is missing (its temp directories too),
    and binds every port for a moment. So it fails on a read-only root even if the configuration is valid: the result is
    then *unchecked*.
    """

    brief: ClassVar[bool] = True

    kind: Literal["nginx.config"] = "nginx.config"
    subject = "nginx -t"

    @override
    def command(self) -> Run:
        return Run.of("/usr/sbin/nginx", "-t", user=ROOT, seconds=10)

    @override
    def parse(self, output: Output) -> ConfigCheck:
        if output.exit == 0:
            found = dict.fromkeys((each["name"], each["address"]) for each in _CONFLICT.finditer(output.stderr))
            conflicts = tuple(NameConflict(name=name, address=address) for name, address in found)
            return ConfigCheck(state=ConfigState.SOUND, conflicts=conflicts)
        for line in output.stderr.splitlines():
            if not (emerg := _EMERG.search(line)):
                continue
            if _ENVIRONMENT.search(line):
                return ConfigCheck(state=ConfigState.UNCHECKED, message=emerg["message"])
            if placed := _PLACED.search(line):
                return ConfigCheck.placed(placed, self.label())
            return ConfigCheck(state=ConfigState.BROKEN, message=emerg["message"])
        return ConfigCheck(state=ConfigState.UNCHECKED, message=last_line(output.stderr))


class ErrorLogEnd(FrozenModel):
    """The last lines of one error log."""

    path: str
    lines: tuple[str, ...]


class NginxErrorLogs(Fact):
    """The last lines of nginx's error logs, the most recently written log first."""

    files: tuple[ErrorLogEnd, ...]

    @override
    def describe(self) -> str:
        return next((each.lines[-1] for each in self.files if each.lines), "no lines")


class NginxLog(Probe[NginxErrorLogs]):
    """The last lines of nginx's error logs, including logs of single sites.

    They show an upstream that does not answer, for example.
    """

    brief: ClassVar[bool] = True

    kind: Literal["nginx.log"] = "nginx.log"
    subject = "error log of nginx"

    @override
    def command(self) -> Run:
        return nginx_logs(lines=5, user=ROOT)

    @override
    def parse(self, output: Output) -> NginxErrorLogs:
        # A single log may have been rotated away meanwhile, and the others are still worth showing.
        if output.exit != 0 or (output.stderr.strip() and not output.stdout.strip()):
            raise Unreadable(f"{self.label()}: {last_line(output.stderr)}")
        files: dict[str, list[str]] = {}
        lines: list[str] | None = None
        for line in output.stdout.splitlines():
            if line.startswith("== /"):
                lines = files.setdefault(line.removeprefix("== "), [])
            elif lines is None:
                raise Unreadable(f"{self.label()}: unexpected line {line[:80]!r}")
            elif line.strip():
                lines.append(line.rstrip())
        return NginxErrorLogs(files=tuple(ErrorLogEnd(path=path, lines=tuple(each)) for path, each in files.items()))


class NginxWorkerPids(Fact):
    """The worker processes that take new connections."""

    pids: tuple[int, ...] = Field(description="those that are shutting down left out")

    @override
    def describe(self) -> str:
        return f"{len(self.pids)} take connections" if self.pids else "none"


class NginxWorkers(Probe[NginxWorkerPids]):
    """List nginx's workers that take new connections.

    New workers prove that nginx took a new configuration; the exit status of a reload does not.
    """

    kind: Literal["nginx.workers"] = "nginx.workers"
    subject = "workers of nginx"

    @override
    def command(self) -> Run:
        # This is the title of a worker that takes connections. One that is shutting down has further words behind it.
        return Run.of("pgrep", "-f", "^nginx: worker process$", seconds=10)

    @override
    def parse(self, output: Output) -> NginxWorkerPids:
        if output.exit > 1:  # pgrep(1): 1 = none matched
            raise Unreadable(f"{self.label()}: pgrep: {last_line(output.stderr)}")
        return NginxWorkerPids(pids=tuple(whole_number(line, self.label()) for line in output.stdout.split()))
