"""The incident.* commands with their flags and functions."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from remediate.commands.command import Command, program_name
from remediate.core.flags import HOST, INVENTORY, JSON, Flag
from remediate.project.project import Project

if TYPE_CHECKING:
    from remediate.commands.incident_context import IncidentContext
    from remediate.commands.terminal import Terminal

_INCIDENT: Final = Flag("incident", "which: any unique beginning of its id (default: the only open one)")
_SEND: Final = Flag("send", "send what is otherwise only shown", bool)
_JSON: Final = JSON._replace(help="print the incident as one JSON document on stdout")
_PUBLIC: Final = Flag("public", "what the public reads, instead of the template's sentence")
_PUBLIC_TITLE: Final = Flag("public-title", "how the public knows it (default: its title, without hosts)")
_COMMANDER: Final = Flag("commander", "who commands it (default: you)")
_SITUATIONS: Final = (
    Flag("breach", "a data breach is suspected", bool),
    Flag("provider", "it is an issue of the infrastructure provider", bool),
)
_QUESTIONS: Final = (
    Flag("accessible", "is the service accessible? yes, partial or no (else as triage saw it)"),
    Flag("data", "is data at risk? yes or no"),
    Flag("revenue", "is revenue impacted? yes, maybe or no"),
    Flag("users", "which users are affected? all, many or few"),
)


def incident_commands(project: Project) -> Iterator[Command]:
    """Yield every incident.* command."""

    def of(module: str, name: str) -> "Callable[[dict[str, object], Terminal], int]":
        def body(flags: dict[str, object], terminal: "Terminal") -> int:
            from importlib import import_module

            from remediate.commands.incident_context import open_context

            command: Callable[[IncidentContext], int] = getattr(import_module(f"remediate.commands.{module}"), name)
            # A watching service must not take a message that is meant for the terminal of the person sending it.
            shows = name != "watch"
            with open_context(flags, project, terminal, program=program_name(), shows=shows) as room:
                return command(room)

        return body

    yield Command(
        "incident.declare",
        _DECLARE,
        (
            Flag("title", "what it is called (default: from the newest triage)"),
            Flag("severity", "SEV-1 to SEV-4 (default: from the questions)"),
            Flag("reason", "why that severity"),
            *_QUESTIONS,
            Flag("impact", "who or what is affected"),
            _PUBLIC,
            _PUBLIC_TITLE,
            HOST._replace(help="hosts it is about (default: those of the triage)"),
            INVENTORY,
            Flag("run", "a run that led to it, by its id; may be repeated", list),
            Flag("detected", "how it was detected: monitoring, user or internal (the default)"),
            Flag("source", "which alert, ticket or person"),
            Flag("first-alert", "when it was first noticed: 14:02, 12m, 2h, or a date with a time"),
            _COMMANDER,
            Flag("unclaimed", "leave it to be acknowledged by somebody else", bool),
            Flag("internal-only", "customers do not notice it", bool),
            *_SITUATIONS,
            _SEND,
            _JSON,
        ),
        of("declare", "declare"),
    )
    claim = (_INCIDENT, _COMMANDER, Flag("take-over", "even if somebody else has it", bool), _JSON)
    doc = "Claim an incident: one person has it, and everybody sees who."
    yield Command("incident.acknowledge", doc, claim, of("incident", "acknowledge"))
    for name, flag, doc in _NOTES:
        yield Command(f"incident.{name}", doc, (_INCIDENT, flag, _JSON), of("incident", name))
    yield Command(
        "incident.update",
        _UPDATE,
        (
            _INCIDENT,
            Flag("status", "Investigating, Identified or Monitoring (default: as the runs have it)"),
            Flag("state", "what is happening (default: what the last run came to)"),
            Flag("actions", "what has been done (default: what the runs changed)"),
            Flag("next", "what is done next"),
            Flag("eta", "when it is expected to be over"),
            Flag("impact", "who or what is affected, where that has changed"),
            _PUBLIC,
            _PUBLIC_TITLE._replace(help="how the public knows it, where that has changed"),
            Flag("cause", "the cause, once it is known"),
            Flag("severity", "a new severity"),
            Flag("reason", "why the severity is another one"),
            *_SITUATIONS,
            _SEND,
            _JSON,
        ),
        of("incident", "update"),
    )
    yield Command(
        "incident.escalate",
        _ESCALATE,
        (
            _INCIDENT,
            Flag("to", "roles, as the contacts name them, separated by commas (default: those that are due)"),
            Flag("situation", "call in those of one row: unresolved, breach, provider or customers"),
            Flag("why", "what they are needed for"),
            _SEND,
            _JSON,
        ),
        of("escalate", "escalate"),
    )
    yield Command(
        "incident.list",
        "List the newest incidents, with what is due next and what could not be sent yet.",
        (Flag("limit", "how many (default: 20)"), Flag("open", "only those that are open", bool), _JSON),
        of("incident", "list_incidents"),
    )
    yield Command(
        "incident.timeline",
        "Tell everything that happened in an incident, its runs and messages among it.",
        (_INCIDENT, Flag("markdown", "as a Markdown list", bool), _JSON),
        of("incident", "timeline"),
    )
    yield Command(
        "incident.resolve",
        _RESOLVE,
        (
            _INCIDENT,
            INVENTORY,
            Flag("summary", "how it was resolved (default: from the runs)"),
            _PUBLIC,
            Flag("override", "resolve although no check says that it is over: why"),
            Flag("postmortem-at", "when the post-mortem is held: 10:00, or a date with a time (default: see settings)"),
            _SEND,
            _JSON,
        ),
        of("resolve", "resolve"),
    )
    yield Command(
        "incident.postmortem",
        _POSTMORTEM,
        (_INCIDENT, Flag("output", "the file (default: below incidents/ of the project)")),
        of("resolve", "postmortem"),
    )
    yield Command(
        "incident.watch",
        _WATCH,
        (
            _INCIDENT._replace(help="only this one (default: every open one)"),
            Flag("every", "seconds between two looks (default: 5)"),
            Flag("once", "look once, announce what is due, and end", bool),
        ),
        of("watch", "watch"),
    )


_NOTES: Final = (
    (
        "contain",
        Flag("action", "what was done"),
        "Record the containment: what stops the harm from spreading, without being the fix.",
    ),
    ("identify", Flag("cause", "the cause, in a few words"), "Record the root cause."),
    ("note", Flag("text", "what is worth knowing"), "Add a note, also after the end."),
)

_DECLARE: Final = """Declare an incident; missing values come from the newest triage and the runs since.

Its message is shown; --send sends it, as in every incident.* command. You have claimed it, unless --unclaimed is given.
"""
_UPDATE: Final = """State how an incident stands, from its runs and the given flags.

The message is shown; --send sends it, and the time to the next update begins.
"""
_ESCALATE: Final = """Call others in: without flags, the roles that are due by the escalation matrix.

Their names come from the contacts in pyproject.toml, or from the on-call calendar. The message is shown; --send sends
it.
"""
_RESOLVE: Final = """Resolve an incident if its checks pass, send messages, and write the post-mortem (7.1).

The checks of the used playbooks run on the touched hosts. While one of them does not say healthy, the incident stays
open (exit 5), unless --override gives a reason.
"""
_POSTMORTEM: Final = """Write or update the post-mortem (7.2) from the record.

Edited sections stay as people wrote them.
"""
_WATCH: Final = """Watch the open incidents: age, next update, due escalations, the last runs.

A terminal gets a live view, anything else plain lines, as for a service. Each due action and overdue maintenance is
announced once, also with several watchers and after restarts. Queued messages are sent.
"""
