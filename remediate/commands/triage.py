"""triage: names the incident, its severity and the next command."""

from remediate.commands.given import Flags, selected, text_of
from remediate.commands.terminal import Terminal
from remediate.core.outcome import RunVerdict
from remediate.errors import ConfigurationError, RemediateError
from remediate.project.project import Project
from remediate.transport.dialing import Connections
from remediate.triage.assessment import QUESTIONS, Answer, Answers, Assessment, Question, assess_again
from remediate.triage.text import judged_lines, seen_lines
from remediate.triage.triage import TriageReport, triage


def triage_hosts(flags: Flags, project: Project, terminal: Terminal, *, program: str) -> int:
    """Survey hosts, rank incidents, ask a person what facts cannot tell, and print it."""
    try:
        return _triaged(flags, project, terminal, program=program)
    except KeyboardInterrupt:  # while asking a host or a person: nothing was changed, so there is nothing to clean up
        return RunVerdict.INTERRUPTED.exit_code


def _triaged(flags: Flags, project: Project, terminal: Terminal, *, program: str) -> int:
    answers = given_answers(flags)
    with Connections(client=project.ssh_client()) as connect:
        hosts = selected(flags, project, terminal, connect.begin)
        playbooks, broken = project.usable()
        for why in broken:
            terminal.progress(f"left out: {why}")
        for host in hosts:
            terminal.progress(f"asking {host.name} everything that any playbook wants to know, at once")
        report = triage(hosts, playbooks, answers=answers, connect=connect)
    inventory = text_of(flags, "inventory")
    if not flags.get("json"):
        for line in seen_lines(report, program=program, inventory=inventory):
            terminal.say(line)
        # A person reads the findings before answering questions about them.
        report = _asked(report, terminal) if terminal.interactive else report
    _keep(report, project, terminal)
    if flags.get("json"):
        terminal.say(report.model_dump_json(by_alias=True))
    else:
        for line in judged_lines(report, program=program, inventory=inventory):
            terminal.say(line)
    return report.exit_code


def _keep(report: TriageReport, project: Project, terminal: Terminal) -> None:
    """Store the report for a later declaration; a failure only prints a note."""
    from remediate.incident.store import IncidentStore

    try:
        with IncidentStore.open(project.journal(), project=project.identity()) as store:
            store.keep_triage(report.operator, report.started, report.model_dump_json(by_alias=True))
    except RemediateError as error:
        terminal.progress(f"not kept for a declaration: {error}")


def _asked(report: TriageReport, terminal: Terminal) -> TriageReport:
    """Return the report after asking open questions, if anything matches.

    They are also asked if the severity is known. An empty answer leaves a question open.
    """
    if report.assessment.severity is None and not any(host.matching for host in report.hosts):
        return report
    return report.model_copy(update={"assessment": asked(report.assessment, terminal)})


def asked(assessment: Assessment, terminal: Terminal) -> Assessment:
    """Ask a person the open questions; an empty answer leaves one open."""
    given: dict[str, Answer] = {}
    for question in QUESTIONS:
        if question.name not in assessment.open:
            continue
        choices = "/".join(answer.value for answer in question.answers)
        chosen: Answer | None = None
        while chosen is None and (said := terminal.ask(f"{question.text} [{choices}, Enter = not known]")):
            chosen = next((answer for answer in question.answers if answer.value.startswith(said.lower())), None)
        if chosen is not None:
            given[question.name] = chosen
    return assess_again(assessment, given)


def given_answers(flags: Flags) -> Answers:
    """Return the answers that flags give. Raises ConfigurationError naming the flag and its values."""
    return Answers(**{question.name: _given(flags, question) for question in QUESTIONS})


def _given(flags: Flags, question: Question) -> Answer | None:
    said = text_of(flags, question.name)
    if said is None:
        return None
    for answer in question.answers:
        if said == answer.value:
            return answer
    accepted = ", ".join(answer.value for answer in question.answers)
    raise ConfigurationError(f"--{question.name} takes {accepted}, not {said!r}")
