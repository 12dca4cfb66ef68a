"""runs.list and runs.show: list the recorded runs, and show one in full."""

import re
from collections import Counter
from typing import Final

from remediate.commands.given import Flags, text_of
from remediate.commands.pause import kill_switch
from remediate.commands.terminal import Terminal
from remediate.core.outcome import Report
from remediate.errors import ConfigurationError, JournalError
from remediate.journal.journal import Journal
from remediate.journal.models import RunSummary
from remediate.journal.process import Liveness, liveness
from remediate.project.project import Project
from remediate.remedies.single import SingleRemedy
from remediate.report.details import detail_lines
from remediate.report.text import TextReporter

MOST: Final = 999_999


def list_runs(flags: Flags, project: Project, terminal: Terminal, *, program: str) -> int:
    """Print the newest runs, one line each."""
    limit = text_of(flags, "limit") or "20"
    if not re.fullmatch("0*[1-9][0-9]{0,5}", limit):
        raise ConfigurationError(f"--limit takes a number of runs, from 1 to {MOST}")
    with Journal.open(project.journal()) as journal:
        runs = journal.runs(limit=int(limit))
        intents = journal.open_intents()
    if (pause := kill_switch(project).read()) is not None:
        terminal.say(f"{pause}: {program} unpause")
    begun = Counter(intent.run for intent in intents)
    doubts = {name: _doubt(name, project) for name in {run.playbook for run in runs}}
    for run in runs:
        verdict = run.verdict or "unfinished"
        left = begun.pop(run.id, 0)
        hosts = ", ".join(run.hosts)
        terminal.say(
            f"{run.shown:<6} {run.started:%Y-%m-%d %H:%M:%SZ}  {run.mode:<4}  {verdict:<11}  "
            f"touched {run.touched or '?':<7}  {run.playbook}{doubts[run.playbook]} on {hosts}  by {run.operator}"
        )
        if run.unfinished:
            steps = ", ".join(f"{each.host} {each.remedy}" for each in intents if each.run == run.id)
            _tell_open(run, f"{_may_have_run(left)} ({steps})" if left else "", terminal, program)
    if begun:
        older = "an older run" if len(begun) == 1 else f"{len(begun)} older runs"
        terminal.say(f"{_may_have_run(begun.total())} in {older}: {program} runs.list --limit {MOST}")
    if not runs:
        terminal.say("no runs yet")
    return 0


def _tell_open(run: RunSummary, left: str, terminal: Terminal, program: str) -> None:
    """Print the state of a run without an end, and the commands that go on from it."""
    if liveness(run.process) is Liveness.ALIVE:
        terminal.say(f"       {state(run)}: {program} runs.show {run.shown}")
        return
    terminal.say(f"       {state(run)}: {program} runs.show {run.shown}")
    if left:
        terminal.say(f"       {left}: {look(run, program)}")
    terminal.say(f"       to find out, and to go on: {program} runs.resume {run.shown}")


def state(run: RunSummary) -> str:
    """Return whether a run without an end is running, as far as this machine can tell."""
    match liveness(run.process):
        case Liveness.ALIVE:
            return f"running now, in process {run.process.pid}" if run.process else "running now"
        case Liveness.DEAD:
            return "not running any more: its process died"
        case Liveness.UNKNOWN:
            return f"running now, or its process died{f' on {run.process.host}' if run.process else ''}"


def _may_have_run(steps: int) -> str:
    return f"{steps} {'step was' if steps == 1 else 'steps were'} begun without an outcome, and may or may not have run"


def look(run: RunSummary, program: str) -> str:
    """Return the command that looks at the hosts of a run without changing them."""
    # The values given to a single remedy are not repeated here, and triage looks at everything.
    command = "triage" if run.playbook.startswith("do.") else f"check.{run.playbook}"
    return f"look with {program} {command} --host {','.join(run.hosts)}"


def _doubt(name: str, project: Project) -> str:
    """Return a mark for a playbook that is not rehearsed in its present form."""
    from remediate.rehearsal.content import unrehearsed

    if name not in project.playbooks():
        return ""
    try:
        return " [not rehearsed]" if unrehearsed(project.load(name), project) else ""
    except ConfigurationError:
        return " [cannot be loaded]"  # its past runs are still worth listing


def show_run(flags: Flags, project: Project, terminal: Terminal, *, program: str) -> int:
    """Print one stored run again, from the journal."""
    wanted = flags.get("run")
    if not isinstance(wanted, str):
        raise ConfigurationError("which run? give its id, or the beginning of it (runs.list shows them)")
    with Journal.open(project.journal()) as journal:
        stored = journal.find(wanted)
    if stored.report is None:
        if flags.get("json"):
            raise JournalError(f"run {stored.id} never finished, so there is no report of it")
        terminal.say(f"{stored.playbook} on {', '.join(stored.hosts)}   run {stored.id}   never finished")
        if stored.reason:
            terminal.say(f"        reason: {stored.reason}")
        terminal.say(f"        {state(stored)}: {program} runs.resume {stored.shown}")
        if any(step.outcome is None for step in stored.steps):
            terminal.say(f"        {look(stored, program)}")
        for step in stored.steps:
            outcome = step.outcome or "no outcome recorded: it may or may not have run"
            terminal.say(f"        {step.intent.host}  {step.intent.remedy}  {outcome}")
        return 0
    if flags.get("json"):
        terminal.say(stored.report)
        return 0
    report = Report.model_validate_json(stored.report)
    try:
        severity = project.load(report.playbook).severity
    except ConfigurationError:  # it is a single remedy, or a playbook that no longer exists or loads
        severity = None
    reporter = TextReporter(terminal.out, terminal.err, program=program)
    reporter.show(report, shown=stored.shown, severity=severity, given=_given(report))
    for line in detail_lines(report) if flags.get("verbose") else ():
        terminal.say(line)
    return 0


def _given(report: Report) -> dict[str, str]:
    """Return the values given to a single remedy on each host, as flags."""
    from remediate.remedies.catalogue import remedies

    remedy = remedies().get(report.playbook.removeprefix("do."))
    if remedy is None:
        return {}
    steps = (
        (host.name, step) for host in report.hosts for step in host.steps if f"do.{step.remedy}" == report.playbook
    )
    return {name: SingleRemedy.repeated(remedy, step.params).flags for name, step in steps}
