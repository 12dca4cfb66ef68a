"""The details of a run, for `--verbose`: every command with its result, and every answer."""

from collections.abc import Iterator

from remediate.core.command import typed
from remediate.core.outcome import CommandRecord, HostOutcome, Reading, Report, StepOutcome
from remediate.report.lines import MARGIN
from remediate.report.quotes import LOGS
from remediate.report.wrapping import clean

_INDENT = " " * MARGIN


def detail_lines(report: Report) -> list[str]:
    """Return a run's details, host by host: all commands, their evidence, all answers."""
    return [line for host in report.hosts for line in _host_lines(host)]


def _host_lines(host: HostOutcome) -> Iterator[str]:
    asked = host.steps or host.before or host.after
    yield f"DETAILS {host.name}{'' if asked else ': nothing was asked and nothing was run'}"
    for step in host.steps:
        yield f"{_INDENT}{step.remedy}: {_decision(step)}"
        yield from (f"{_INDENT}  $ {_command(command)}" for command in step.commands)
        if step.evidence:
            yield f"{_INDENT}  evidence: {clean(step.evidence)}"
    for title, readings in (("before", host.before), ("after", host.after)):
        yield from (f"{_INDENT}{title}: {_reading(each)}" for each in readings if each.probe not in LOGS)


def _decision(step: StepOutcome) -> str:
    code = f" [{step.code}]" if step.code else ""
    verified = f", {step.verified.value} in {step.seconds:.1f} s" if step.verified else ""
    return f"{step.decision.value}{code}{verified}: {clean(step.why)}"


def _command(command: CommandRecord) -> str:
    if command.exit is None:
        return f"{clean(typed(command.argv, command.user))}   not run, or without an end"
    took = "" if command.seconds is None else f" in {command.seconds:.1f} s"
    return f"{clean(typed(command.argv, command.user))}   exit {command.exit}{took}"


def _reading(reading: Reading) -> str:
    known = {True: "ok", False: "NOT OK", None: "unknown" if reading.value is None else "for information"}[reading.ok]
    return f"{reading.label} ({reading.vantage.value}, {known})  {clean(reading.note)}"
