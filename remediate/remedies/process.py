"""The remedy that ends a runaway process, or names a better step."""

from collections.abc import Iterable, Iterator
from typing import ClassVar, Final, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.command import ROOT, Run
from remediate.core.facts import Facts
from remediate.core.field_types import AbsolutePath, PhpName, ProgramName, UnitName, UserName
from remediate.core.host import Host
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import Failed, NotYet, Proven, Remedy, Step, Verification
from remediate.core.verdict import RefusalCode, Verdict, proceed, refuse, skip, wait
from remediate.probes.http import Site
from remediate.probes.laravel import App, Deploy
from remediate.probes.load import SlowQueries
from remediate.probes.php_fpm import unit_of
from remediate.probes.processes import Process, Processes, Usage
from remediate.probes.supervisor import StrayProcess
from remediate.probes.systemd import full_name
from remediate.programs.processes import end_processes
from remediate.remedies.by_hand import in_a_unit, stopping
from remediate.remedies.laravel import DEPLOY_RUNNING, MAINTENANCE_MODE

PROTECTED_PROCESS = RefusalCode(
    name="protected-process",
    meaning="The biggest process is never ended: a database, sshd, a backup, or one that the inventory protects.",
    advice="find out what keeps it busy: read its log, look at its clients",
)
QUERY_CAUSE = RefusalCode(
    name="query-cause",
    meaning="The database is busy with a query: end the query, not the database.",
    advice="end the query, not the database: do.database.end-queries --even-if-pages-answer yes",
)
FOREIGN_PROCESS = RefusalCode(
    name="foreign-process",
    meaning="The process belongs to root or to another user than the application's: a person decides.",
    advice="ask its owner before you end it",
)
PROCESS_LEFT = RefusalCode(
    name="process-left",
    meaning="The process uses too much, but nothing suffers from it yet: it may be working as intended.",
    advice="if it should not be working, end it: do.process.end --even-if-pages-answer yes",
)
UNIT_PROCESS = RefusalCode(
    name="unit-process",
    meaning="Its unit would start it again, and the inventory does not allow a restart of that unit.",
    advice="stop the unit, or list it in restartable_units if it may be restarted",
)

DATABASES: Final = frozenset({"mariadbd", "mysqld", "postgres"})
PROTECTED: Final = DATABASES | {
    "systemd",
    "sshd",
    "sshd-session",
    "redis-server",
    "supervisord",
    "nginx",
    "dbus-daemon",
}
LONG: Final = frozenset(
    {"mysqldump", "mariadb-dump", "pg_dump", "gzip", "pigz", "bzip2", "xz", "zstd", "tar", "rsync", "restic", "borg"}
)
"""Programs that work hard for long by design, such as backups. Half a backup is useless, so they are never ended."""
_KTHREADD: Final = 2


def too_much(host: Host) -> Processes:
    """Return the probe that all remedies of high load share, with the inventory's limits."""
    limits = host.settings.limits
    own = (host.settings.app_user, *((host.ssh.user,) if host.ssh.user not in {None, "root"} else ()))
    return Processes(
        cpu=limits.cpu,
        memory=limits.memory,
        age=limits.process_age,
        sample=limits.sample,
        own=tuple(dict.fromkeys(each for each in own if each is not None)),
        units=host.settings.restartable_units,
    )


def pages(host: Host) -> tuple[Site, ...]:
    """Return the probes of what users see: the site's page and its health check."""
    settings = host.settings
    return (*Site.of(host), *(Site.of(host, settings.health_path) if settings.health_path else ()))


class EndProcess(Remedy):
    """End a runaway process of the application's own that nothing starts again (runbook 4.5).

    Done only when users suffer: a page fails or hangs, the cores do not suffice, or memory is exhausted. Otherwise the
    process may be working as intended. It gets TERM first and KILL after `patience` seconds. PHP on the command line
    gets only TERM, because it may be in the middle of a job. The process is identified by pid and start time, so
    another process with a reused pid is left alone. Processes of root, protected programs and processes that their unit
    would start again are never ended. For those, the refusal says what helps, with the command to type.
    """

    kind: Literal["process.end"] = "process.end"
    subject = "processes"
    usage: Processes = Field(default=Processes(), description="what counts as running away")
    user: UserName = Field(default="forge", description="user the application runs as")
    login: UserName | None = Field(default=None, description="user of the login, whose processes may be ended, too")
    protected: tuple[ProgramName, ...] = Field(default=(), description="names of programs that are never ended")
    restartable: tuple[UnitName, ...] = Field(default=(), description="units that unit.restart takes care of")
    php: PhpName | None = Field(default=None, description="PHP's name, for example php8.3")
    path: AbsolutePath | None = Field(default=None, description="directory that holds artisan, to ask its database")
    query_seconds: int = Field(default=30, ge=1, description="seconds from which a query is slow")
    pages: tuple[Site, ...] = Field(default=(), description="what users see: while these answer nobody suffers")
    even_if_pages_answer: bool = Field(
        default=False, description="end it although pages answer, and cores and memory suffice"
    )
    patience: int = Field(default=10, ge=0, le=600, description="seconds a process may take to end")
    settle: float = Field(default=10, ge=0, le=600, description="seconds the effect may take to show")

    refusals: ClassVar[tuple[RefusalCode, ...]] = (
        *(PROTECTED_PROCESS, QUERY_CAUSE, FOREIGN_PROCESS, UNIT_PROCESS, PROCESS_LEFT),
        *(DEPLOY_RUNNING, MAINTENANCE_MODE),
    )
    after: ClassVar[tuple[str, ...]] = ("laravel.up",)

    @classmethod
    @override
    def defaults(cls, host: Host) -> dict[str, object]:
        settings = host.settings
        return {
            "usage": too_much(host),
            "user": settings.app_user,
            "login": None if host.ssh.user == "root" else host.ssh.user,
            "protected": settings.protected_processes,
            "restartable": settings.restartable_units,
            "php": settings.php,
            "path": settings.app_path,
            "query_seconds": settings.limits.query_seconds,
            "pages": pages(host),
        }

    @property
    def _queries(self) -> SlowQueries | None:
        if self.php is None or self.path is None:
            return None
        return SlowQueries(php=self.php, path=self.path, user=self.user, seconds=self.query_seconds)

    @property
    def _app(self) -> App | None:
        return None if self.php is None or self.path is None else App(php=self.php, path=self.path, user=self.user)

    @property
    def _deploy(self) -> Deploy:
        return Deploy(user=self.user)

    @override
    def probes(self) -> tuple[Probe[Fact], ...]:
        asked = (self.usage, self._deploy, self._app, self._queries, *self.pages)
        return tuple(probe for probe in asked if probe is not None)

    @override
    def identity(self) -> tuple[Probe[Fact], ...]:
        return (self.usage,)

    @override
    def steady(self) -> tuple[Probe[Fact], ...]:
        return (self._deploy,)

    @override
    def guard(self, facts: Facts) -> Verdict:
        usage = facts[self.usage]
        ours = self._ours(usage)
        why = self._why(facts) if ours else None
        if why is not None:
            deploy = facts[self._deploy]
            if deploy.running:
                return wait(f"a deploy is {deploy.describe()}", code=DEPLOY_RUNNING)
            if self._app is not None and facts[self._app].maintenance:
                return refuse(MAINTENANCE_MODE, f"{self.path} is down for maintenance: {ours[-1].describe()} may be it")
            return proceed(f"{'; '.join(process.describe() for process in ours[-3:])}; {why}")
        others = [process for process in usage.culprits if self._lever(process) is None]
        if others:
            return self._refusal(others[-1], facts)
        if ours:
            left = "pages answer, cores and memory suffice, so it is left to work"
            return refuse(PROCESS_LEFT, f"{ours[-1].describe()}: {left}")
        if usage.culprits:
            return skip(f"{usage.culprits[-1].describe()}: that is for its unit")
        return skip(f"no process runs away: {usage.describe()}")

    def _why(self, facts: Facts) -> str | None:
        """Return the reason to end it, else None.

        Unreadable escapes, because an unknown state is no reason.
        """
        usage = facts[self.usage]
        if self.even_if_pages_answer:
            return "to be ended even if pages answer"
        if usage.short:
            return f"{usage.cores} cores do not suffice"
        if usage.exhausted:
            return "memory is exhausted"
        bad = next((page for page in self.pages if facts[page].ok is False), None)
        return None if bad is None else f"{bad.url} is {facts[bad].describe()}"

    def _ours(self, usage: Usage) -> tuple[Process, ...]:
        return tuple(process for process in usage.culprits if self._lever(process) == "end")

    def _lever(self, process: Process) -> Literal["end", "unit"] | None:
        """Return what fixes this process: ending it, or its unit by another remedy; else None."""
        if self._protects(process):
            return None
        if process.unit is not None and process.unit in {full_name(unit) for unit in self._units()}:
            return "unit"
        mine = process.user in {self.user, self.login} - {"root"}
        return "end" if mine and (_worker(process) or not in_a_unit(process.unit)) else None

    def _units(self) -> tuple[str, ...]:
        return (*self.restartable, *((unit_of(self.php),) if self.php else ()))

    def _protects(self, process: Process) -> bool:
        kernel = process.pid == _KTHREADD or process.parent == _KTHREADD
        return process.pid == 1 or kernel or process.is_called({*PROTECTED, *LONG, *self.protected})

    def _refusal(self, process: Process, facts: Facts) -> Verdict:
        told = process.describe()
        if process.name in DATABASES and self._queries is not None and (slow := facts[self._queries].queries):
            return refuse(
                QUERY_CAUSE,
                f"{told}; it works on {slow[0].describe()}: end that query, not the database; "
                f"in the database: KILL QUERY {slow[0].id}",
            )
        if self._protects(process):
            return refuse(PROTECTED_PROCESS, f"{told}; it is never ended: find out what keeps it busy")
        if in_a_unit(process.unit):
            why = "would start it again, and is not among restartable_units"
            return refuse(UNIT_PROCESS, f"{told}; its unit {why}. Manually: {_stop(process)}")
        return refuse(FOREIGN_PROCESS, f"{told}; manually: {_stop(process)}")

    @override
    def apply(self, facts: Facts) -> Iterator[Step]:
        ours = self._ours(facts[self.usage])
        for user in dict.fromkeys(process.user for process in ours):
            of_user = [process for process in ours if process.user == user]
            asked = [process.identity for process in of_user if _only_asked(process)]
            others = [process.identity for process in of_user if not _only_asked(process)]
            if others:
                yield self._forcing(user, others)
            if asked:
                yield self._asking(user, asked)

    def _forcing(self, user: str, identities: Iterable[str] = ()) -> Run:
        return end_processes(identities, user, self.patience, left="kill")

    def _asking(self, user: str, identities: Iterable[str] = ()) -> Run:
        return end_processes(identities, user, max(30, self.patience))

    @override
    def changes(self) -> tuple[Run, ...]:
        owners = dict.fromkeys(each for each in (self.user, self.login) if each not in {None, ROOT})
        return tuple(run for user in owners if user for run in (self._forcing(user), self._asking(user)))

    def verify(self, before: Facts, after: Facts) -> Verification:
        """Require that the processes are gone and none like them is busy again, however young."""
        ended, now = self._ours(before[self.usage]), after[self.usage]
        there = {process.identity for process in now.processes}
        left = [process for process in ended if process.identity in there]
        if left:
            pid, asked = left[0].pid, _only_asked(left[0])
            more = f", though it was asked to end: `sudo kill -KILL {pid}` breaks its job off" if asked else ""
            return NotYet(reason=f"{left[0].name} (pid {pid}) is still there{more}")
        same = {(process.user, process.name, process.arguments) for process in ended}
        for process in now.processes:
            if process.cpu >= self.usage.cpu and (process.user, process.name, process.arguments) in same:
                return NotYet(
                    reason=f"it came back as pid {process.pid}, child of {process.parent}: what starts it has to stop"
                )
        verdict = self.guard(after)
        if self._ours(now):
            return NotYet(reason=verdict.reason)
        if before.output(self.usage).stdout == after.output(self.usage).stdout:
            return Failed(reason="the same processes as before use too much")
        gone = ", ".join(f"{process.name} (pid {process.pid})" for process in ended)
        return Proven(evidence=f"{gone} ended, none like it came back; CPU {now.cpu} % of {now.cores * 100} %")


def _stop(process: Process) -> str:
    return stopping(process.pid, parent=process.parent, user=process.user, unit=process.unit)


def _only_asked(process: Process) -> bool:
    """Return whether the process may be in a job. Such a process never gets KILL.

    Arguments may be truncated, so any PHP counts.
    """
    return process.name.startswith("php") or "artisan" in process.arguments


def _worker(process: Process) -> bool:
    """Return whether it is an artisan worker under supervisor, which starts the next one."""
    artisan = StrayProcess(pid=process.pid, started=process.started, user=process.user, arguments=process.arguments)
    return process.unit == full_name("supervisor") and artisan.is_worker
