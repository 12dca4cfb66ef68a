"""Events of an incident, as values.

The events are the source of truth: each is written once, by the person who acted, and is never changed or deleted. Runs
are events without being stored twice: the store turns every journal run of the incident into a `RunLanded`. `record`
folds the events into an `Incident`.
"""

from typing import Annotated, Literal

from pydantic import Field

from remediate.core.field_types import FrozenModel, Identifier, Line
from remediate.core.playbook import Severity
from remediate.incident.run_events import RunLanded
from remediate.incident.vocabulary import Detection, IncidentStatus, Moment, Prose, Situation
from remediate.triage.assessment import Answer


class Declared(FrozenModel):
    """The incident was declared (3.3)."""

    kind: Literal["declared"] = "declared"
    title: Line
    severity: Severity
    severity_reason: Prose = Field(default="", description="what the severity follows from")
    answers: dict[str, Answer] = Field(default={}, description="to the questions of 3.2")
    impact: Prose = Field(default="", description="who or what is affected")
    commander: Line
    detection: Detection = Detection.INTERNAL
    detected_by: Prose = Field(default="", description="which alert, ticket or person")
    first_alert_at: Moment | None = Field(default=None, description="when it was first noticed; never later than this")
    customers: bool = Field(default=True, description="whether customers notice it")
    situations: tuple[Situation, ...] = Field(default=(), description="breach or provider, where that is suspected")
    hosts: tuple[Line, ...] = Field(default=(), description="hosts it is about, as the inventory names them")
    playbook: Line | None = Field(default=None, description="what triage takes it for")
    public_title: Line | None = Field(default=None, description="how the public knows it; null = by its title")
    triaged_at: Moment | None = Field(default=None, description="when the triage that it began with was made")


class Acknowledged(FrozenModel):
    """A person claimed the incident (3.1) and commands it from then on."""

    kind: Literal["acknowledged"] = "acknowledged"
    commander: Line


class CommandTaken(FrozenModel):
    """Another person took command."""

    kind: Literal["commander"] = "commander"
    commander: Line


class SeverityChanged(FrozenModel):
    """The severity was raised or lowered."""

    kind: Literal["severity"] = "severity"
    severity: Severity
    reason: Prose = ""


class Contained(FrozenModel):
    """An action stopped the harm from spreading (2.2); it is not the fix."""

    kind: Literal["containment"] = "containment"
    action: Prose


class Identified(FrozenModel):
    """A person named the cause."""

    kind: Literal["identified"] = "identified"
    cause: Prose


class Updated(FrozenModel):
    """The state of the incident (5.1), as a person described it. Empty fields were not given.

    Whether it was sent is in `Messaged`.
    """

    kind: Literal["update"] = "update"
    status: IncidentStatus
    state: Prose = Field(default="", description="what is happening")
    actions: Prose = Field(default="", description="what has been done")
    next_steps: Prose = Field(default="", description="what is done next")
    eta: Prose = Field(default="", description="when it is expected to be over")
    impact: Prose = Field(default="", description="who or what is affected, where that has changed")
    public_title: Line | None = Field(default=None, description="how the public knows it, where that has changed")


class SituationFound(FrozenModel):
    """A finding that concerns others, too (6.1)."""

    kind: Literal["situation"] = "situation"
    situation: Situation
    reason: Prose = ""


class Escalated(FrozenModel):
    """Another role was called in (6)."""

    kind: Literal["escalated"] = "escalated"
    situation: Situation | None = Field(default=None, description="which row of the matrix; null = by judgement")
    roles: tuple[Line, ...]
    people: tuple[Line, ...] = ()
    methods: tuple[Line, ...] = ()
    reason: Prose = ""


class Attached(FrozenModel):
    """A run that started without `--incident` was added to the incident."""

    kind: Literal["attached"] = "attached"
    run: Identifier = Field(description="UUIDv7 of the run")


class Noted(FrozenModel):
    """A free note."""

    kind: Literal["note"] = "note"
    text: Prose


class Announced(FrozenModel):
    """`incident.watch` announced a due action; it announces each one once."""

    kind: Literal["announced"] = "announced"
    due: Identifier = Field(description="what was due, as a stable key")
    text: Prose


class Messaged(FrozenModel):
    """A message was queued in the outbox, which holds the result."""

    kind: Literal["message"] = "message"
    message: Identifier = Field(description="UUIDv7 of the message")
    message_kind: Line
    audience: Line
    title: Line
    channels: tuple[Line, ...] = ()


class Confirmed(FrozenModel):
    """The result of a check when the incident was to be resolved."""

    playbook: Identifier
    host: Identifier
    verdict: Identifier
    run: Identifier = Field(description="UUIDv7 of the run of the check")
    note: str = ""


class Resolved(FrozenModel):
    """The incident was resolved (7.1)."""

    kind: Literal["resolved"] = "resolved"
    summary: Prose = ""
    confirmed: tuple[Confirmed, ...] = ()
    override: Prose = Field(default="", description="why it was resolved although a check did not say so")
    postmortem_at: Moment | None = None


class Reviewed(FrozenModel):
    """The post-mortem was written to a file (7.2)."""

    kind: Literal["postmortem"] = "postmortem"
    path: str
    edited: bool = Field(default=False, description="whether people have written in it")


class PlanDecided(FrozenModel):
    """A plan with `--incident` was approved, or withdrawn. It is read from the proposals."""

    kind: Literal["plan"] = "plan"
    decision: Literal["approved", "withdrawn"]
    plan: Identifier = Field(description="the hash of the plan, shown short")
    playbook: Identifier
    hosts: tuple[Identifier, ...]
    proof: str = Field(default="", description="the key or session that proved who approved")


class Alerted(FrozenModel):
    """An alert that the service declared the incident from, or that joined it. Its texts are only shown."""

    kind: Literal["alert"] = "alert"
    state: Literal["declares", "joins", "over"] = Field(description="over: no alert of this decision fires any more")
    decision: Identifier = Field(description="UUIDv7 of the policy's decision, and of its run")
    rule: Identifier = Field(description="the rule of the policy")
    source: Identifier = Field(description="which source of the policy sent it")
    fingerprint: Identifier
    name: Prose
    host: Identifier
    playbook: Identifier | None = Field(default=None, description="whose check has to hold on this host at the end")
    tell: bool = Field(default=False, description="whether the rule has the service tell the team how it stands")


Data = Annotated[
    Declared
    | Alerted
    | Acknowledged
    | CommandTaken
    | SeverityChanged
    | Contained
    | Identified
    | Updated
    | SituationFound
    | Escalated
    | Attached
    | Noted
    | Announced
    | Messaged
    | Resolved
    | Reviewed
    | RunLanded
    | PlanDecided,
    Field(discriminator="kind"),
]


class Event(FrozenModel):
    """One event of an incident, with its time and author."""

    id: str = Field(description="UUIDv7; of a run: the run's; of a plan: the proposal's, and who decided")
    incident: str = Field(description="UUIDv7 of the incident")
    at: Moment
    who: Line
    data: Data

    @property
    def kind(self) -> str:
        """The name of the kind of event, as stored."""
        return self.data.kind
