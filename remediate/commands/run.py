"""fix.*, check.* and do.*: run a playbook or a remedy from the command line."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from remediate.commands.consent import consent, decide
from remediate.commands.given import Begun, Flags, text_of
from remediate.commands.plan_lines import approving, plan_lines, typed_run
from remediate.commands.terminal import Terminal, stoppable
from remediate.core.host import Host
from remediate.core.options import Options
from remediate.core.outcome import Report, RunVerdict
from remediate.core.playbook import BoundPlaybook, Playbook, Runnable
from remediate.core.verdict import ENGINE_CODES, RefusalCode
from remediate.engine.discovery import with_any_php
from remediate.engine.fleet import run
from remediate.engine.host_runner import HostRunner
from remediate.engine.limits import Limit
from remediate.errors import USAGE_EXIT_CODE, ConfigurationError, JournalError, nearest
from remediate.masking.writer import MaskedWriter
from remediate.project.project import Project
from remediate.project.run_limits import run_limits
from remediate.report.details import detail_lines
from remediate.report.junit import junit_document, run_suite
from remediate.report.live_table import live_table
from remediate.report.text import TextReporter
from remediate.report.wrapping import wrap

if TYPE_CHECKING:
    from remediate.approvals.approvals import Approvals

_INDENT: Final = " " * 8
_NOTHING_SEEN = frozenset({USAGE_EXIT_CODE, RunVerdict.UNREACHABLE.exit_code})


def run_from_flags(
    runnable: Runnable, begun: Begun, flags: Flags, project: Project, terminal: Terminal, *, program: str
) -> Report:
    """Run a playbook or a remedy, tell it, and return its report."""
    hosts, options, connect = begun
    _known_overrides(runnable, hosts, options)
    narrative = terminal.err if flags.get("json") else terminal.out

    def approvals() -> "Approvals":
        from remediate.approvals.approvals import Approvals

        return Approvals.of(project, url=project.journal(), command=typed_run(runnable, flags))

    resolved = options.incident is not None and _is_resolved(options.incident, project)
    reporter = TextReporter(
        narrative,
        terminal.err,
        program=program,
        inventory=text_of(flags, "inventory"),
        incident=None if resolved else options.incident,
        target=text_of(flags, "host"),
        rollout=_rollout(options),
        live=live_table(narrative, terminal.err),
        approve=lambda: approving(approvals(), options.approved, program),
    )

    def asked(runs: Sequence[HostRunner], options: Options) -> tuple[RefusalCode, str] | None:
        with reporter.still():
            return consent(terminal, runs, options, stop)

    def decided(host: Host, limit: Limit) -> str | None:
        with reporter.still():
            return decide(terminal, host, limit, stop)

    with stoppable(reporter.noticed) as stop:
        report = run(
            runnable,
            hosts,
            reporter=reporter,
            consent=asked,
            connect=connect,
            stop=stop,
            options=options,
            journal=project.journal(),
            project=None if options.incident is None else project.identity(),
            limits=run_limits(project.root),
            decide=decided,
            approvals=approvals,
        )
    if flags.get("json"):
        terminal.say(report.model_dump_json(by_alias=True))
    if options.plan and report.exit_code not in _NOTHING_SEEN and (doubt := _unproven(runnable, program, project)):
        _tell(narrative, f"{runnable.name}: {doubt}")
    narrative.write("".join(f"{_INDENT}{line}\n" for line in plan_lines(report, approvals, program)))
    if resolved:  # an update would be refused
        show = f"{program} incident.timeline --incident {options.incident}"
        _tell(narrative, f"the incident is resolved, this run is on its timeline: {show}")
    if flags.get("verbose"):
        narrative.write("".join(f"{line}\n" for line in detail_lines(report)))
    if (file := text_of(flags, "junit")) is not None:
        _write_junit(Path(file), report, terminal)
    if report.error is not None:
        terminal.err.write(f"{program}: {report.error.message}\n")
    return report


def _tell(narrative: MaskedWriter, text: str) -> None:
    """Write a remark below the report, within its width."""
    narrative.write("".join(f"{line}\n" for line in wrap(text, first=_INDENT, others=_INDENT)))


def _write_junit(file: Path, report: Report, terminal: Terminal) -> None:
    """Write the JUnit document. The exit code stays the verdict, whatever happens to the file."""
    try:
        file.write_text(junit_document([run_suite(report)]), encoding="utf-8")
    except OSError as error:
        terminal.warn(f"--junit: {file} cannot be written: {error.strerror}")


def _is_resolved(named: str, project: Project) -> bool:
    """Return whether the run's incident is over. Raises ConfigurationError if there is none."""
    from remediate.journal.incident_ids import IncidentIds

    try:
        with IncidentIds.open(project.journal(), project=project.identity()) as ids:
            return ids.is_resolved(ids.find(named))
    except JournalError:
        return False  # the run reports that nothing can be recorded


def _rollout(options: Options) -> str:
    """Return the flags that state how these options roll a change out."""
    usual = Options()
    serial = "" if options.serial == usual.serial else f" --serial {options.serial}"
    return serial + ("" if options.max_fail == usual.max_fail else f" --max-fail {options.max_fail}")


def _unproven(runnable: Runnable, program: str, project: Project) -> str | None:
    """Return why no rehearsal proves a playbook, and what would; None if one does."""
    if not isinstance(runnable, Playbook | BoundPlaybook):
        return None
    from remediate.rehearsal.content import unrehearsed

    playbook = runnable if isinstance(runnable, Playbook) else runnable.playbook
    doubt = unrehearsed(playbook, project)
    if doubt is None:
        return None
    if playbook.is_rehearsable:
        return f"{doubt}; prove it with {program} rehearse.{playbook.name}"
    return f"{doubt}: it declares no case of a rehearsal"


def _known_overrides(runnable: Runnable, hosts: Sequence[Host], options: Options) -> None:
    """Raise ConfigurationError for an override of a code that is unknown here or not overridable."""
    if not options.overrides:
        return
    remedies = [remedy for host in hosts for remedy in runnable(with_any_php(host)).remedies]
    codes = {*ENGINE_CODES, *(code for remedy in remedies for code in remedy.refusals)}
    known = {code.name for code in codes}
    possible = sorted({code.name for code in codes if code.overridable})
    for name in options.overrides:
        if name not in possible:
            what = f"{name} cannot be overridden" if name in known else f"{runnable.name} has no refusal code {name!r}"
            meant = "" if name in known else nearest(name, possible)
            raise ConfigurationError(f"--override: {what}; {meant}it can override: {', '.join(possible) or 'nothing'}")
