"""Runs a playbook or a remedy on hosts: surveys all, then changes few in turn."""

import getpass
import os
import socket
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Final, TypeVar

from remediate import __version__
from remediate.core.host import Host
from remediate.core.options import Options
from remediate.core.outcome import HostOutcome, Mode, Problem, Report, RunVerdict, overall, touched
from remediate.core.playbook import Runnable
from remediate.core.verdict import CONSENT_MISSING, EARLIER_HOST_FAILED, TOO_MANY_HOSTS, RefusalCode
from remediate.engine.context import Context
from remediate.engine.host_runner import HostRunner
from remediate.engine.reporter import MaskingReporter, NullReporter, Reporter
from remediate.engine.run_recorder import JournalRecorder, run_record
from remediate.errors import USAGE_EXIT_CODE, ConfigurationError, JournalError
from remediate.inventory.selection import Inventory
from remediate.journal.run_id import new_run_id
from remediate.masking.masker import Masker, strip_control
from remediate.project.project import Project
from remediate.remedies.single import SingleRemedy
from remediate.transport.controller import HttpController
from remediate.transport.dialing import AT_ONCE, Connections
from remediate.transport.session import Session

T = TypeVar("T")

_NAME: Final = 100
"""Characters of an operator's name that are kept."""

Consent = Callable[[Sequence[HostRunner], Options], "tuple[RefusalCode, str] | None"]
"""Asked before anything is changed, with the hosts that need it; returns why not."""


def without_asking(runs: Sequence[HostRunner], options: Options) -> tuple[RefusalCode, str] | None:
    """Consent as a caller without a terminal gives it: by `yes` and `max_hosts`, or by an inventory that allows it."""
    if len(runs) > options.max_hosts:
        names = ", ".join(run.host.name for run in runs)
        return TOO_MANY_HOSTS, f"{len(runs)} hosts need a change ({names}): allow it with --max-hosts {len(runs)}"
    production = [run.host.name for run in runs if run.host.settings.production]
    if production and not options.yes:
        return CONSENT_MISSING, f"{', '.join(production)} is production: say --yes, or run it on a terminal"
    return None


def select(
    target: str, inventory: Path | Sequence[Path] | None = None, *, warn: Callable[[str], None] = lambda _: None
) -> tuple[Host, ...]:
    """Return the hosts that a name, group or pattern stands for. Raises ConfigurationError in one line.

    `warn` is given what the inventory files hold that was ignored, a line each.
    """
    if inventory is None:
        paths: Sequence[Path] = Project.here().inventories()
    else:
        paths = (inventory,) if isinstance(inventory, Path) else tuple(inventory)
    return Inventory.load(paths).select(target, warn)


def operator_name() -> str:
    """Return who runs this, for the record: login name, or number where there is no name, and machine."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # as in a container that is run under any number
        name = f"uid{os.getuid()}"
    # The environment may hold anything: no line break, and no byte that is not text, gets into a record.
    name = strip_control(name.encode("utf-8", "replace").decode())
    return f"{''.join(name.split())[:_NAME] or f'uid{os.getuid()}'}@{socket.gethostname()}"


def run(
    runnable: Runnable,
    target: str | Sequence[Host],
    *,
    inventory: Path | Sequence[Path] | None = None,
    reporter: Reporter | None = None,
    consent: Consent = without_asking,
    connect: Callable[[Host], Session] | None = None,
    stop: Event | None = None,
    operator: str | None = None,
    options: Options | None = None,
    journal: str | None = None,
    project: str | None = None,
) -> Report:
    """Run a playbook (or a `SingleRemedy` remedy) on hosts and return what happened; never prints, never exits.

    For example `run(app_down, "prod", options=Options(plan=True))`. `journal` is the URL of a database instead of the
    user's own; `project` whose incidents may be meant there (`Project.identity`), anybody's without it. Raises
    ConfigurationError for what the caller got wrong, an incident that nobody declared there included; everything that
    a host does ends in the Report, also that it leaves several PHPs to choose from (exit 2).
    """
    chosen = options or Options()
    hosts = select(target, inventory) if isinstance(target, str) else tuple(target)
    if not hosts:
        raise ConfigurationError(
            f"{runnable.name}: no host is given: name one of the inventory, or pass at least one Host"
        )
    # What the inventory lacks is said before any host is touched; what it leaves open is asked there.
    known = [runnable(host) if host.settings.php is not None or not runnable.discovers else None for host in hosts]
    incident = None if chosen.incident is None else _known_incident(chosen.incident, journal, project)
    masker = Masker(runnable.secrets if isinstance(runnable, SingleRemedy) else ())
    reporter = MaskingReporter(reporter or NullReporter(), masker)
    operator = operator or operator_name()
    started, begun, run_id = datetime.now(UTC), monotonic(), new_run_id()
    mode = Mode.PLAN if chosen.plan else Mode.FIX
    with ExitStack() as leaving:
        # Before the journal, whose opening takes as long as that of a connection.
        sessions = connect or leaving.enter_context(Connections(hosts))
        record = JournalRecorder(run_id, masker, journal)
        leaving.callback(record.close)
        record.begin(
            run_record(
                run_id,
                started,
                mode,
                runnable.name,
                operator,
                hosts,
                __version__,
                reason=chosen.reason,
                incident=incident,
            )
        )
        reporter.began(record.shown, runnable, hosts, operator)
        if connect is None:
            for host in hosts:
                reporter.progress(host, "connecting")
        context = Context(
            connect=sessions,
            controller=HttpController(),
            record=record,
            reporter=reporter,
            stop=stop or Event(),
            owner=(operator, run_id),
        )
        problem: Problem | None = None
        outcomes: tuple[HostOutcome, ...] = ()
        try:
            outcomes = _all_hosts(
                [
                    HostRunner(host, runnable, chosen, context, host_plan)
                    for host, host_plan in zip(hosts, known, strict=True)
                ],
                chosen,
                consent,
            )
        except ConfigurationError as error:
            # Only a host could tell that its inventory leaves open what cannot be guessed.
            problem = Problem(code="configuration", message=str(error))
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
            hosts=outcomes,
        )
        report = masker.masked(report)
        record.finish(report, report.model_dump_json(by_alias=True))
        if record.trouble is not None:
            reporter.unrecorded(record.trouble)
        reporter.ended(report)
    return report


def _known_incident(named: str, journal: str | None, project: str | None) -> str:
    """Return the whole id of the incident that a run belongs to. Raises ConfigurationError when there is none.

    Another project's is none: its timeline would tell of hosts that are none of its own.
    """
    from remediate.journal.incident_ids import IncidentIds

    try:
        with IncidentIds.open(journal, project=project) as ids:
            return ids.find(named)
    except JournalError:
        return named  # nothing will be changed without a journal; that a host can be looked at matters more


def _safely(walk: Callable[[HostRunner], T]) -> Callable[[HostRunner], T | HostOutcome]:
    """Keep one host's bug from costing the others their outcome: the boundary of a run."""

    def guarded(run: HostRunner) -> T | HostOutcome:
        try:
            return walk(run)
        except ConfigurationError:
            raise
        except Exception as error:  # noqa: BLE001  # the per-host boundary
            place = traceback.extract_tb(error.__traceback__)[-1]
            why = (
                f"a bug in remediate or a playbook: {type(error).__name__}: {error} ({place.name}, line {place.lineno})"
            )
            return run.broken(why)

    return guarded


def _all_hosts(runs: Sequence[HostRunner], options: Options, consent: Consent) -> tuple[HostOutcome, ...]:
    try:
        with ThreadPoolExecutor(max_workers=min(AT_ONCE, len(runs)), thread_name_prefix="host") as pool:
            examined = list(pool.map(_safely(HostRunner.examine), runs))
        pending = [run for run, outcome in zip(runs, examined, strict=True) if outcome is None]
        refusal = consent(pending, options) if pending else None
        outcomes: list[HostOutcome] = []
        for run, outcome in zip(runs, examined, strict=True):
            if outcome is None:
                outcome = _safely(HostRunner.mend)(run) if refusal is None else run.refuse(*refusal)  # noqa: PLW2901  # now it has one
                if outcome.verdict not in {RunVerdict.FIXED, RunVerdict.HEALTHY}:
                    refusal = refusal or (EARLIER_HOST_FAILED, f"{run.host.name} came out {outcome.verdict.value}")
            outcomes.append(outcome)
        return tuple(outcomes)
    finally:
        for run in runs:
            run.close()
