"""runs.list and runs.show: what was run, and everything about one run."""

import re
from typing import Final

from remediate.commands.mend import Flags, text_of
from remediate.commands.terminal import Terminal
from remediate.errors import ConfigurationError
from remediate.journal import Journal, JournalError
from remediate.outcome import Report
from remediate.project import Project
from remediate.report.text import TextReporter

MOST: Final = 999_999


def list_runs(flags: Flags, project: Project, terminal: Terminal) -> int:
    """Print the newest runs, one line each."""
    limit = text_of(flags, "limit") or "20"
    if not re.fullmatch("0*[1-9][0-9]{0,5}", limit):
        raise ConfigurationError(f"--limit takes a number of runs, from 1 to {MOST}")
    journal = Journal.open(project.journal())
    try:
        runs = journal.runs(limit=int(limit))
    finally:
        journal.close()
    doubts = {name: _doubt(name, project) for name in {run.playbook for run in runs}}
    for run in runs:
        verdict = run.verdict or "unfinished"
        hosts = ", ".join(run.hosts)
        terminal.say(
            f"{run.shown:<6} {run.started:%Y-%m-%d %H:%M:%SZ}  {run.mode:<4}  {verdict:<11}  "
            f"touched {run.touched or '?':<7}  {run.playbook}{doubts[run.playbook]} on {hosts}  by {run.operator}"
        )
    if not runs:
        terminal.say("no runs yet")
    return 0


def _doubt(name: str, project: Project) -> str:
    """Mark a playbook that has not been rehearsed in its present form."""
    from remediate.rehearsal.content import unrehearsed

    if name not in project.playbooks():
        return ""
    try:
        return " [not rehearsed]" if unrehearsed(project.load(name), project) else ""
    except ConfigurationError:
        return " [cannot be loaded]"  # what it once did is still worth knowing


def show_run(flags: Flags, project: Project, terminal: Terminal, *, program: str) -> int:
    """Print one run again, from the journal."""
    wanted = flags.get("run")
    if not isinstance(wanted, str):
        raise ConfigurationError("which run? give its id, or the beginning of it (runs.list shows them)")
    journal = Journal.open(project.journal())
    try:
        stored = journal.find(wanted)
    finally:
        journal.close()
    if stored.report is None:
        if flags.get("json"):
            raise JournalError(f"run {stored.id} never finished, so there is no report of it")
        terminal.say(f"{stored.playbook} on {', '.join(stored.hosts)}   run {stored.id}   never finished")
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
    except ConfigurationError:  # a single remedy, or a playbook that is gone or broken by now
        severity = None
    TextReporter(terminal.out, terminal.err, program=program).show(report, shown=stored.shown, severity=severity)
    return 0
