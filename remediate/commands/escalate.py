"""incident.escalate: calls in the roles that are due, or the named ones (6)."""

from typing import NamedTuple

from remediate.commands.incident_context import IncidentContext
from remediate.commands.parsing import made
from remediate.errors import ConfigurationError
from remediate.incident.clock import due
from remediate.incident.contacts import Person, people
from remediate.incident.delivery import deliver_due
from remediate.incident.events import Escalated, SituationFound
from remediate.incident.messages import MessageKind
from remediate.incident.record import Incident
from remediate.incident.settings import Audience
from remediate.incident.template_context import MessageText
from remediate.incident.vocabulary import Situation
from remediate.journal.run_id import new_run_id


class _Row(NamedTuple):
    """One group of roles to call in, and why."""

    situation: Situation | None
    roles: tuple[str, ...]
    why: str
    key: str
    """Key under which each role is called once.

    It is the key of the due action, or a new one for every explicit call.
    """


def escalate(room: IncidentContext) -> int:
    """Call in the roles that are due, named ones, or those of a matrix row."""
    incident = room.open_incident()
    rows = [(row, people(row.roles, room.settings, room.now, room.root)) for row in _rows(room, incident)]
    for row, called in rows:
        for person in called:
            words, channels = _words(person, row.why)
            room.check(incident, MessageKind.ESCALATION, Audience.PERSON, words=words, channels=channels)
    deliver_due(room.store, notifier=room.notifier)
    for row, called in rows:
        if row.situation in {Situation.BREACH, Situation.PROVIDER} and row.situation not in incident.situations:
            room.record(incident, SituationFound(situation=row.situation))
            incident = room.store.load(incident.id)
        sent = tuple(person for person in called if _call(room, incident, person, row))
        if sent:  # a preview does not notify anyone; the escalation stays due
            room.record(incident, _escalated(row, sent))
            incident = room.store.load(incident.id)
        else:
            room.say("        nobody was called in: --send sends it")
    room.document(incident)
    return 0


def _escalated(row: _Row, sent: tuple[Person, ...]) -> Escalated:
    return made(
        Escalated,
        {"roles": "to", "reason": "why"},
        situation=row.situation,
        roles=tuple(person.role for person in sent),
        people=tuple(person.describe() for person in sent),
        methods=tuple(person.method for person in sent if person.method),
        reason=row.why,
    )


def _call(room: IncidentContext, incident: Incident, person: Person, row: _Row) -> bool:
    room.say(f"call    {person.describe()}: {row.why}")
    words, channels = _words(person, row.why)
    key = f"escalation:{incident.id}:{row.key}:{person.role}"
    return room.tell(incident, MessageKind.ESCALATION, Audience.PERSON, key=key, words=words, channels=channels)


def _words(person: Person, why: str) -> tuple[MessageText, tuple[str, ...] | None]:
    return MessageText(to=person.describe(), why=why), None if person.channel is None else (person.channel,)


def _rows(room: IncidentContext, incident: Incident) -> list[_Row]:
    """Return whom to call in and why. Raises ConfigurationError if neither flags nor due dates tell."""
    why = room.text("why")
    wanted = room.text("situation")
    once = new_run_id()
    if to := room.text("to"):
        roles = tuple(dict.fromkeys(role.strip() for role in to.split(",") if role.strip()))
        if not roles:
            raise ConfigurationError(f"--to takes: {', '.join(room.settings.contacts)}")
        situation = _situation(wanted) if wanted else None
        return [_Row(situation, roles, why or "by judgement of the commander", once)]
    if wanted:
        situation = _situation(wanted)
        rules = [rule for rule in room.settings.escalation if rule.situation is situation]
        rows = [_Row(situation, rule.to, why or situation.words, f"{once}:{at}") for at, rule in enumerate(rules)]
    else:
        found = due(incident, room.settings, room.now)
        rows = [
            _Row(one.situation, one.roles, why or one.why, one.key) for one in found if one.roles and one.over(room.now)
        ]
        coming = [one for one in found if one.roles and not one.over(room.now)]
        if not rows and coming:
            first = coming[0]
            roles_due = ",".join(first.roles)
            raise ConfigurationError(
                f"nobody is due yet; at {room.when(first.at)} it is {roles_due}: --to {roles_due} calls them now"
            )
    if not rows:
        raise ConfigurationError(f"whom? --to takes: {', '.join(room.settings.contacts)}")
    return rows


def _situation(text: str) -> Situation:
    try:
        return Situation(text)
    except ValueError:
        accepted = ", ".join(each.value for each in Situation)
        raise ConfigurationError(f"--situation takes {accepted}, not {text!r}") from None
