"""Runs a playbook or a remedy: surveys all hosts, then changes a few in turn."""

import getpass
import os
import socket
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from time import monotonic
from typing import TYPE_CHECKING, Final

from remediate import __version__
from remediate.core.host import Host
from remediate.core.host_names import names_of
from remediate.core.options import Options
from remediate.core.outcome import HostOutcome, Mode, Problem, Report, overall, touched
from remediate.core.playbook import Runnable
from remediate.core.verdict import CONSENT_MISSING, TOO_MANY_HOSTS, RefusalCode
from remediate.engine.limits import Decide, nobody
from remediate.engine.reporter import MaskingReporter, NullReporter, Reporter
from remediate.errors import USAGE_EXIT_CODE, ConfigurationError, JournalError
from remediate.inventory.selection import Inventory
from remediate.journal.models import PastFix, RunRecord
from remediate.journal.pause import KillSwitch
from remediate.journal.process import RunProcess
from remediate.journal.run_id import new_run_id
from remediate.masking.masker import Masker, strip_control
from remediate.project.project import Project
from remediate.project.run_limits import RunLimits, run_limits
from remediate.transport.dialing import Connections

if TYPE_CHECKING:
    from remediate.approvals.approvals import Approvals
    from remediate.engine.host_pool import Consent
    from remediate.engine.host_runner import HostRunner
    from remediate.inventory.selection import Addresses
    from remediate.transport.session import Session

_NAME: Final = 100
"""The longest name of an operator, in characters."""


def without_asking(runs: "Sequence[HostRunner]", options: Options) -> tuple[RefusalCode, str] | None:
    """Consent without a terminal: by `yes` and `max_hosts`, or by an inventory that allows it."""
    if len(runs) > options.max_hosts:
        names = names_of(run.host for run in runs)
        return TOO_MANY_HOSTS, f"{len(runs)} hosts need a change ({names}): allow it with --max-hosts {len(runs)}"
    production = [run.host for run in runs if run.host.settings.production]
    if production and not options.yes:
        return CONSENT_MISSING, f"{names_of(production)} is production: say --yes, or run it on a terminal"
    return None


def select(
    target: str,
    inventory: Path | Sequence[Path] | None = None,
    *,
    warn: Callable[[str], None] = lambda _: None,
    addressed: "Callable[[Addresses], None]" = lambda _: None,
) -> tuple[Host, ...]:
    """Return the hosts for a name, group or pattern.

    `warn` is called with one line for each part of the inventory files that was ignored, `addressed` with the
    addresses before the rest is read (`Inventory.select`). Ansible's programs read what only they can, if it is in
    the project around the working directory. Raises ConfigurationError in one line.
    """
    project = Project.here()
    if inventory is None:
        paths: Sequence[Path] = project.inventories()
    else:
        paths = (inventory,) if isinstance(inventory, Path) else tuple(inventory)
    return Inventory.load(paths, project.root).select(target, warn, addressed)


def operator_name() -> str:
    """Return the operator for the record: login name (else the user's number) and machine."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # A container may run under a number without a name.
        name = f"uid{os.getuid()}"
    # LOGNAME may hold anything: keep line breaks and invalid bytes out of the record.
    name = strip_control(name.encode("utf-8", "replace").decode())
    return f"{''.join(name.split())[:_NAME] or f'uid{os.getuid()}'}@{socket.gethostname()}"


def run(
    runnable: Runnable,
    target: str | Sequence[Host],
    *,
    inventory: Path | Sequence[Path] | None = None,
    reporter: Reporter | None = None,
    consent: "Consent" = without_asking,
    connect: "Callable[[Host], Session] | None" = None,
    stop: Event | None = None,
    operator: str | None = None,
    options: Options | None = None,
    journal: str | None = None,
    project: str | None = None,
    limits: RunLimits | None = None,
    decide: Decide = nobody,
    approvals: "Callable[[], Approvals] | None" = None,
    run_id: str | None = None,
    resumes: Collection[str] = (),
) -> Report:
    """Run a playbook (or a `SingleRemedy` remedy) on hosts and return a Report. It never prints and never exits.

    For example `run(app_down, "prod", options=Options(plan=True))`. `journal` is a database URL that replaces the
    user's own journal. `project` limits `incident` to that project (`Project.identity`); without it any project's
    incident is accepted. `limits` replace those of the project around the working directory; `decide` asks a person
    about a limit that a host has reached; `approvals` replace those of the same project. `run_id` is a new id that the
    caller made, so that it can look for the run after a crash. To the limits, what the runs in `resumes` did belongs to
    this one. Raises ConfigurationError for the caller's mistakes, an undeclared incident included.
    Everything that happens on a host ends in the Report, also several PHPs to choose from (exit 2).
    """
    started, begun = datetime.now(UTC), monotonic()
    chosen = options or Options()
    with ExitStack() as leaving:
        hosts, sessions = _begun(target, inventory, connect, chosen, leaving)
        if not hosts:
            raise ConfigurationError(
                f"{runnable.name}: no host is given: name one of the inventory, or pass at least one Host"
            )
        from remediate.engine.change_gate import ChangeGate
        from remediate.engine.context import Context
        from remediate.engine.discovery import leaves_open
        from remediate.engine.host_pool import HostPool
        from remediate.engine.host_runner import HostRunner
        from remediate.engine.rejoin import REJOIN_SECONDS
        from remediate.engine.run_recorder import JournalRecorder, given_of
        from remediate.engine.suppression import Suppression
        from remediate.remedies.single import SingleRemedy
        from remediate.transport.controller import HttpController

        # A missing setting is reported before any host is asked; an open one is discovered on the host.
        known = [None if leaves_open(runnable, host) else runnable(host) for host in hosts]
        limits = limits or run_limits(Project.here().root)
        switch = KillSwitch(limits.pause_file)
        incident = None if chosen.incident is None else _known_incident(chosen.incident, journal, project)
        masker = Masker(runnable.secrets if isinstance(runnable, SingleRemedy) else ())
        masker.register(*(secret for host in hosts for secret in host.secrets))
        reporter = NullReporter() if reporter is None else MaskingReporter(reporter, masker)
        operator = operator or operator_name()
        own_id, run_id = run_id is None, run_id or new_run_id()
        mode = Mode.PLAN if chosen.plan else Mode.FIX
        record = JournalRecorder(run_id, masker, journal)
        gate = ChangeGate(
            runnable,
            consent,
            approvals or (lambda: _approvals(journal)),
            decide=decide,
            noticed=reporter.noticed,
            justify=record.justify,
            run=run_id,
        )
        if chosen.approved is not None:
            gate.demand_known(chosen.approved)
        leaving.callback(record.close)
        context = Context(
            connect=sessions,
            controller=HttpController(),
            record=record,
            reporter=reporter,
            stop=stop or Event(),
            owner=(operator, run_id),
            paused=lambda: None if (pause := switch.read()) is None else str(pause),
            rejoin=REJOIN_SECONDS,
        )
        runs = [
            HostRunner(host, runnable, chosen, context, host_plan) for host, host_plan in zip(hosts, known, strict=True)
        ]
        pool = HostPool(runs, chosen, reporter, masker)
        leaving.callback(pool.leave)
        # Questions change nothing, so the journal may open while the hosts answer. It is open before anything acts.
        pool.ask()
        record.begin(
            RunRecord(
                id=run_id,
                started=started,
                mode=mode.value,
                playbook=runnable.name,
                operator=operator,
                hosts=tuple(host.name for host in hosts),
                version=__version__,
                reason=chosen.reason,
                incident=incident,
                process=RunProcess.current(),
                given=given_of(runnable),
            ),
            # An incident's timeline shows its runs at once, and who gave the id looks for it.
            spool=chosen.plan and incident is None and own_id,
        )
        reporter.began(record.shown, runnable, hosts, operator)
        if (pause := switch.read()) is not None:
            reporter.noticed(f"{pause}; no host is changed")

        def history(host: Host, since: datetime) -> tuple[PastFix, ...]:
            return tuple(fix for fix in record.fixes(host, runnable, since) if fix.run not in resumes)

        suppress = Suppression(limits, history, context.paused, decide, chosen, justify=record.justify)
        problem: Problem | None = None
        outcomes: tuple[HostOutcome, ...] = ()
        try:
            outcomes = pool.run(gate, suppress)
        except ConfigurationError as error:
            # The host has several candidates for a setting that its inventory leaves open.
            hint = next((host.undescribed for host in hosts if str(error).startswith(f"{host.name}: ")), "")
            problem = Problem(code="configuration", message=f"{error}{hint}")
        if problem is None and not context.stop.is_set():  # Otherwise some hosts were not looked at.
            gate.propose(runs, chosen, operator=operator, incident=incident)
        verdict = overall(outcomes) if problem is None else None
        report = Report(
            version=__version__,
            run=run_id,
            mode=mode,
            playbook=runnable.name,
            operator=operator,
            reason=chosen.reason,
            incident=incident,
            started=started,
            seconds=round(monotonic() - begun, 1),
            verdict=verdict,
            exit_code=USAGE_EXIT_CODE if verdict is None else verdict.exit_code,
            touched=touched(outcomes),
            error=problem,
            plan_hash=gate.plan_hash,
            approved_by=gate.approved_by,
        )
        report = masker.masked(report).model_copy(update={"hosts": outcomes})  # The outcomes are masked already.
        record.finish(report)
        if record.trouble is not None:
            reporter.unrecorded(record.trouble)
        reporter.ended(report)
    return report


def _begun(
    target: str | Sequence[Host],
    inventory: Path | Sequence[Path] | None,
    connect: "Callable[[Host], Session] | None",
    options: Options,
    leaving: ExitStack,
) -> "tuple[tuple[Host, ...], Callable[[Host], Session]]":
    """Return the hosts and their sessions. SSH logs in while Python imports the rest, which takes about as long."""
    if connect is not None:
        return select(target, inventory) if isinstance(target, str) else tuple(target), connect
    connections = leaving.enter_context(Connections())

    def dial(addresses: "Addresses") -> None:
        connections.begin(addresses[: options.forks])

    hosts = select(target, inventory, addressed=dial) if isinstance(target, str) else tuple(target)
    dial([(host.name, host.ssh) for host in hosts])
    return hosts, connections


def _approvals(journal: str | None) -> "Approvals":
    """Return the approvals of the project around the working directory. Raises ConfigurationError."""
    from remediate.approvals.approvals import Approvals

    return Approvals.of(Project.here(), url=journal)


def _known_incident(named: str, journal: str | None, project: str | None) -> str:
    """Return the full id of the run's incident. Raises ConfigurationError if there is none.

    Another project's incident does not count: its timeline would show hosts of this project.
    """
    from remediate.journal.incident_ids import IncidentIds

    try:
        with IncidentIds.open(journal, project=project) as ids:
            return ids.find(named)
    except JournalError:
        return named  # Without a journal nothing is changed, but looking at a host has to stay possible.
