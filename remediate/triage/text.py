"""Renders a triage: facts, incident, severity and the next command."""

from collections.abc import Sequence
from shlex import quote
from typing import Final

from remediate.core.playbook import Severity
from remediate.core.verdict import HANDED_OVER
from remediate.report.lines import MARGIN, survey_lines
from remediate.report.wrapping import WIDTH, clean, wrap
from remediate.triage.assessment import QUESTIONS, Assessment
from remediate.triage.candidate import Candidate
from remediate.triage.triage import UNEXPLAINED, HostTriage, TriageReport

_SHOWN: Final = 4


def seen_lines(report: TriageReport, *, program: str, inventory: str | None) -> list[str]:
    """Return the lines with each host's facts and likely incidents, which the questions need."""
    where = _where(inventory)
    return [line for host in report.hosts for line in _host_lines(host, _command(program, host, where))]


def judged_lines(report: TriageReport, *, program: str, inventory: str | None) -> list[str]:
    """Return the lines with the severity and the next commands."""
    where = _where(inventory)
    matching = [host for host in report.hosts if host.matching]
    lines = _assessment_lines(report.assessment, matches=bool(matching))
    # The next commands come last, because they stay visible when the rest has scrolled away.
    commands = [_command(program, host, where).replace("{}", host.matching[0].playbook) for host in matching]
    if len(commands) > _SHOWN:
        commands[_SHOWN - 1 :] = [f"and the same for {len(commands) - _SHOWN + 1} more hosts"]
    declare = [f"{program} incident.declare, which begins with what was seen here"] if commands else []
    unsure = [host.name for host in report.hosts if host.exit_code == UNEXPLAINED and not host.matching]
    again = [f"{program} triage --host {','.join(unsure)}{where}"] if unsure else []
    rules = [line for host in report.hosts if host.forbidden for line in _wrap(_install(program, host, where))]
    # The check would send whoever comes from it back here.
    blind = any(not host.matching[0].causes for host in matching)
    person = ["a person, where no known cause matches: a check shows the logs' ends"] if blind else []
    return [*lines, *_block("NEXT", [*rules, *commands, *person, *declare, *again])]


def _where(inventory: str | None) -> str:
    return f" --inventory {quote(inventory)}" if inventory else ""


def _command(program: str, host: HostTriage, where: str) -> str:
    return f"{program} check.{{}} --host {host.name}{where}"


def _install(program: str, host: HostTriage, where: str) -> str:
    return f"as root on {host.name}, run what `{program} sudoers --host {host.name}{where} --script` prints"


def _host_lines(host: HostTriage, command: str) -> list[str]:
    if host.error is not None:
        return wrap(f"{host.name}: UNREACHABLE: {clean(host.error)}")
    lines = _block("SEEN", survey_lines(host.seen))
    left = _left_to(host)
    own = [incident for incident in host.matching if incident.playbook not in left]
    for number, incident in enumerate(own, 1):
        lines += _incident_lines(number, incident, command)
    for line in dict.fromkeys(left.values()):
        names = [name for name, other in left.items() if other == line]
        lines += _block("ALSO", _wrap(f"{', '.join(names)}: {line}"))
    others = [incident.playbook for incident in host.incidents if not incident.matches and not incident.unknown]
    if others:
        lines += _block("NOT", _wrap(f"{', '.join(others)}: no symptom and no cause"))
    for incident in host.incidents:
        if not incident.matches and incident.unknown:
            lines += _block("", _wrap(f"{incident.playbook} is unknown: {'; '.join(incident.unknown[:_SHOWN])}"))
    for name, why in host.unjudged.items():
        lines += _block("", _wrap(f"{name} was not judged: {why}"))
    return [*lines, *wrap(_headline(host))]


def _left_to(host: HostTriage) -> dict[str, str]:
    """Return the matching playbooks that only defer to another one, each with a sentence."""
    handed: dict[str, str] = {}
    blind: set[str] = set()
    for incident in host.matching:
        whose = {HANDED_OVER.get(code) for code in incident.codes}
        only = whose.pop() if len(whose) == 1 and len(incident.codes) == len(incident.causes) else None
        if only is not None and not incident.mends:
            handed[incident.playbook] = only
            blind |= {incident.playbook} if incident.unknown else set()
    own = {incident.playbook for incident in host.matching} - handed.keys()
    return {
        name: f"{'as far as could be read, ' if name in blind else ''}only what {whose} takes care of"
        for name, whose in handed.items()
        if whose in own
    }


def _headline(host: HostTriage) -> str:
    if not host.matching:
        if host.unread:
            why = "sudo lets this login read too little" if host.forbidden else "not everything could be read"
            return f"{host.name}: UNKNOWN: nothing matches, but {why}"
        if host.young and host.youngest is not None:
            return f"{host.name}: UNKNOWN: nothing matches, but something started only {host.youngest:.0f} s ago"
        return f"{host.name}: HEALTHY: nothing matches"
    first = host.matching[0]
    if not first.causes:
        return f"{host.name}: UNEXPLAINED: the symptom of {first.playbook} is there, and no known cause of it"
    return f"{host.name}: {first.playbook} ({_grade(first)})"


def _grade(incident: Candidate) -> str:
    return incident.severity.value if incident.decided else f"at worst {incident.severity.value}"


def _incident_lines(number: int, incident: Candidate, command: str) -> list[str]:
    lines = _block(str(number), [f"{incident.playbook} ({_grade(incident)})"])
    rows: tuple[tuple[str, Sequence[str]], ...] = (
        ("cause", incident.causes),
        ("for", incident.evidence),
        ("against", incident.against),
        ("unknown", incident.unknown),
        ("next", (*_advice(incident), command.replace("{}", incident.playbook))),
    )
    for title, items in rows:
        for index, item in enumerate(items[:_SHOWN]):
            label = title if index == 0 else ""
            lines += wrap(clean(item), WIDTH, f"{'':{MARGIN}}{label:<9}", " " * (MARGIN + 9))
        if len(items) > _SHOWN:
            lines.append(f"{'':{MARGIN + 9}}and {len(items) - _SHOWN} more")
    return lines


def _advice(incident: Candidate) -> Sequence[str]:
    """Return a person's next task if the playbook would only refuse."""
    if incident.mends:
        return ()
    handed = (f"look at {HANDED_OVER[code]}, whose incident it is" for code in incident.codes if code in HANDED_OVER)
    return (*handed, *incident.advice)[:1]


def _assessment_lines(assessment: Assessment, *, matches: bool) -> list[str]:
    if assessment.severity is None and not matches:
        return []
    grade = assessment.severity.value if assessment.severity else "unknown from what was seen"
    texts = {question.name: question.text for question in QUESTIONS}
    told = [f"{texts[name]} {answer.value}{_source(name, assessment)}" for name, answer in assessment.answers.items()]
    lines = _block("SEVERITY"[:MARGIN], _wrap(f"{grade}: {', '.join(told)}" if told else grade))
    if assessment.open:
        flags = ", ".join(f"{texts[name]} (--{name})" for name in assessment.open)
        worse = ", and may make it worse" if assessment.severity not in {None, Severity.SEV1} else ""
        lines += _block("", _wrap(f"not answered{worse}: {flags}"))
    return lines


def _source(name: str, assessment: Assessment) -> str:
    if name not in assessment.from_facts:
        return ""
    return " (seen)" if name == "accessible" else " (inferred)"


def _block(title: str, lines: Sequence[str]) -> list[str]:
    heads = [title, *[""] * len(lines)]
    return [f"{head:<{MARGIN}} {line}".rstrip() for head, line in zip(heads, lines, strict=False)]


def _wrap(text: str) -> list[str]:
    return wrap(clean(text), WIDTH - MARGIN - 1, others="")
