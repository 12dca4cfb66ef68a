"""Runs of one remedy on scripted hosts whose nginx is down, recorded in the journal."""

import io
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from remediate.core.host import Host, Settings, SshTarget
from remediate.core.options import Options
from remediate.core.outcome import Report
from remediate.engine.fleet import run
from remediate.engine.limits import Decide, nobody
from remediate.journal.journal import Journal
from remediate.journal.models import Intent, RunEnd, RunRecord
from remediate.journal.run_id import new_run_id
from remediate.journal.schema import steps
from remediate.probes.network import PortOwner
from remediate.probes.nginx import NginxConfig
from remediate.probes.systemd import Unit
from remediate.project.run_limits import RunLimits
from remediate.remedies.nginx import RestartNginx
from remediate.remedies.single import SingleRemedy
from remediate.report.text import TextReporter
from support import examples as ex
from support.scripted import Changes, FactSession
from support.toys import masked

NGINX = Unit(name="nginx")
DOWN: Changes = {
    NGINX: ex.FAILED,
    NginxConfig(): ex.SOUND,
    PortOwner(port=80): ex.NOBODY,
    PortOwner(port=443): ex.NOBODY,
}
AGAIN: Changes = {NGINX: ex.started_again(ex.FAILED)}
WELL: Changes = {**DOWN, NGINX: ex.RUNNING}
WELL_AGAIN: Changes = {**DOWN, **AGAIN}
YES = Options(hold=0, yes=True, max_hosts=9)


def web(name: str = "web1", *groups: str, disposable: bool = False) -> Host:
    settings = Settings.model_validate({"php": "php8.3", "production": not disposable, "disposable": disposable})
    return Host(name=name, groups=groups, ssh=SshTarget(address="192.0.2.1"), settings=settings)


def down(facts: Changes | None = None) -> dict[str, FactSession]:
    """Return a session on a host whose nginx is down until it is started again."""
    return {"web1": FactSession({**DOWN, **(facts or {})}, AGAIN)}


class Told:
    """A run of one remedy, and what it said."""

    def __init__(
        self,
        sessions: Mapping[str, FactSession] | None = None,
        hosts: Sequence[Host] = (),
        *,
        options: Options = YES,
        limits: RunLimits | None = None,
        decide: Decide = nobody,
    ) -> None:
        self.out, self.err = io.StringIO(), io.StringIO()
        self.sessions = sessions or {"web1": FactSession(DOWN, AGAIN)}
        self.report: Report = run(
            SingleRemedy(RestartNginx),
            hosts or tuple(web(name) for name in self.sessions),
            reporter=TextReporter(masked(self.out), masked(self.err), program="remediate"),
            connect=lambda host: self.sessions[host.name],
            options=options,
            limits=limits,
            decide=decide,
        )

    @property
    def ends(self) -> dict[str, tuple[str, str]]:
        """Verdict and code of each host."""
        return {host.name: (host.verdict.value, host.error.code if host.error else "") for host in self.report.hosts}

    @property
    def acted(self) -> list[str]:
        """The hosts on which a command ran."""
        return [name for name, session in self.sessions.items() if session.ran]


def fixed(
    journal: Journal,
    ago: timedelta,
    *,
    host: str = "web1",
    outcome: str | None = "proven",
    verdict: str = "fixed",
    playbook: str = "do.nginx.restart",
) -> str:
    """Record a fix that began and ended that long ago. Returns the run's id."""
    began = datetime.now(UTC) - ago
    record = RunRecord(
        id=new_run_id(),
        started=began,
        mode="fix",
        playbook=playbook,
        operator="ana@laptop",
        hosts=(host,),
        version="0.1.0",
    )
    journal.begin(record)
    journal.intend(
        Intent(
            run=record.id,
            host=host,
            position=0,
            remedy="nginx.restart",
            params=RestartNginx().model_dump_json(),
            commands="[]",
            intended_at=began,
        )
    )
    if outcome is not None:
        journal.conclude(record.id, host, 0, outcome, "seen")
        _date(journal, record.id, began)
        journal.finish(record.id, RunEnd(verdict=verdict, exit_code=0, touched="yes", finished=began, report="{}"))
    return record.id


def _date(journal: Journal, run_id: str, moment: datetime) -> None:
    with journal.database.writing() as connection:
        connection.execute(steps.update().where(steps.c.run == run_id).values(finished_at=moment))
